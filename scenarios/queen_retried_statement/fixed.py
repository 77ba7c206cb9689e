"""The transaction is rolled back and done again as a whole.

No window: each attempt is a transaction of its own, after a pause in which the holder ends.
"""

RETRY = "whole"
