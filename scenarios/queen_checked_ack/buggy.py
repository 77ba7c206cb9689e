"""The lease is validated, then updated without the condition.

The window: between the two statements another consumer takes the lease.
"""

FENCE = "check_then_lock"


def OWNER(number):
    return f"consumer {number}"
