"""The owner of the socket is asked to close it.

No window: one thread makes, uses and closes the socket.
"""

POLICY = "single_owner"
