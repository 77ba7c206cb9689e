"""Nothing is retried.

The window: both have read before either commits.
"""

RETRY = "none"
