"""The commit is psycopg's, which does not say what the server answered.

The window: the lock is refused, the refusal swallowed, and COMMIT answered with ROLLBACK.
"""

VERIFY = False
