"""An acknowledgement counts only for the owner and the epoch of the lease.

No window: both are conditions of the update, which locks the row that it looks at.
"""

FENCE = "owner_epoch"


def OWNER(number):
    return f"consumer {number}"
