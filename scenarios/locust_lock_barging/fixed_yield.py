"""A pause of a millisecond outside the lock, after every try.

Nearly no window: the sender takes the lock while the receiver sleeps, unless it is late by more
than the pause; each time it is late costs it one try.
"""

POLICY = "lock_timeout_yield(1000)"
TRY_S = 1
