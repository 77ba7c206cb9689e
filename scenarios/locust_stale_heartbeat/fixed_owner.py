"""The same slot, and one thread that owns the socket.

No window: what waits is in the slot, where the next one replaces it.
"""

POLICY = "single_owner_priority"
