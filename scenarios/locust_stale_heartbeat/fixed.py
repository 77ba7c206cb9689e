"""The newest heartbeat has a slot of its own; a refused one goes back only if no newer is there.

No window: an old one is never kept beside a new one.
"""

POLICY = "lock_dontwait(latest)"
