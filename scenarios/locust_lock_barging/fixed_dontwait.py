"""The lock is held for one call that returns at once; the receiver sleeps outside it.

Nearly no window: what can be overtaken is one call, not one wait.
"""

POLICY = "lock_dontwait(latest)"
TRY_S = 0.01
