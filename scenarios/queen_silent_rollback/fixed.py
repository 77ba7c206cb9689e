"""The answer to COMMIT is looked at, and the transaction done again if it was ROLLBACK.

No window: only COMMIT is a success.
"""

VERIFY = True
