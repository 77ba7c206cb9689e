"""An acknowledgement counts only for the owner, and a restarted consumer keeps its name.

The window: the same; the names are equal, and only the epochs differ.
"""

FENCE = "owner"


def OWNER(number):
    return "worker"
