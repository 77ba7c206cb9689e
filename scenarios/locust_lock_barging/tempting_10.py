"""The same with 10 ms: even so a heartbeat waits for as many tries as the receiver likes.

The window: between giving the lock back and taking it again the receiver does not stop. The
sender was woken, but who is woken has to run first, and the lock has no queue.
"""

POLICY = "lock_timeout(10)"
TRY_S = 0.01
