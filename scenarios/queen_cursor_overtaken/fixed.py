"""The cursor is the transaction, and only those older than every running one are read.

No window: what the reader has passed is settled.
"""

CURSOR = "xid_horizon"
