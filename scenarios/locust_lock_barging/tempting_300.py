"""The same with 300 ms: the lost race costs less, and is lost as often.

The window: between giving the lock back and taking it again the receiver does not stop. The
sender was woken, but who is woken has to run first, and the lock has no queue.
"""

POLICY = "lock_timeout(300)"
TRY_S = 0.3
