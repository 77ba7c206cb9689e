"""One thread owns the socket and waits for master and sender at once.

No window: there is no lock to be had.
"""

POLICY = "single_owner_priority"
TRY_S = 0.01
