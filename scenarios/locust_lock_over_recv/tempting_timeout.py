"""As buggy, but the receive gives up after a second and gives the lock back.

Looks right: the lock is free once a second. But a lock has no queue, and the receiver, which
runs, takes it again before the sender, which was woken, has moved.
"""

POLICY = "lock_timeout(1000)"
