"""An acknowledgement is checked for nothing.

The window: the lease expires during the work, and another consumer takes it.
"""

FENCE = "none"


def OWNER(number):
    return f"consumer {number}"
