"""Who stops the worker closes the socket, in which the receiver waits.

The window: as long as the receiver waits. libzmq aborts, or the receiver is never woken.
"""

POLICY = "close_foreign(socket)"
