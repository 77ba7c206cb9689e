"""An acknowledgement counts only for the owner and the epoch of the lease.

No window: what is delivered is written in the transaction that holds the lease's row.
"""

FENCE = "owner_epoch"
