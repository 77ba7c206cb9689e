"""A lock with a queue: who waited first is served first.

No window: the receiver finds the sender before it in the queue. What is left is one whole try.
"""

POLICY = "lock_fair(1000)"
TRY_S = 1
