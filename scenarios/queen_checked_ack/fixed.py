"""The condition is a part of the update.

No window: the row is locked before it is compared.
"""

FENCE = "owner_epoch"


def OWNER(number):
    return f"consumer {number}"
