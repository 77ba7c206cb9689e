"""The lease is claimed with an upsert, which waits for a claim that is not committed.

The window: the other consumer is inside its pop, and the first partition of the list is its own.
"""

CLAIM = "blocking_upsert"
