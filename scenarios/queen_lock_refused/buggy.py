"""Nothing is retried.

The window: the other consumer holds the row.
"""

RETRY = "none"
