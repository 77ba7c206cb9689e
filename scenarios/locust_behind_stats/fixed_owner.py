"""The same slot, and one thread that owns the socket.

No window: the pile is behind it, and the owner takes one message at a time.
"""

POLICY = "single_owner_priority"
