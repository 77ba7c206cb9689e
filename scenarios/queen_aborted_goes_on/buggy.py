"""The refused lock is swallowed, and the transaction goes on.

The window: the other consumer holds the row, 55P03 comes, and the server refuses all that follows.
"""

ON_ERROR = "swallow"
