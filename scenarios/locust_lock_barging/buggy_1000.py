"""A lock, and a receive that gives it back after a second.

The window: between giving the lock back and taking it again the receiver does not stop. The
sender was woken, but who is woken has to run first, and the lock has no queue.
"""

POLICY = "lock_timeout(1000)"
TRY_S = 1
