"""The heartbeat has a slot of its own, which is looked into first.

No window: the pile is behind it.
"""

POLICY = "lock_dontwait(latest)"
