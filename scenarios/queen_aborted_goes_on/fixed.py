"""The lock is tried inside a savepoint, and the transaction goes on from before it.

No window: a refusal costs the savepoint and nothing else.
"""

ON_ERROR = "savepoint"
