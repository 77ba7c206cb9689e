"""The effect is a part of what is retried.

The window: the lock is refused after the effect.
"""


def mark_and_tell(run_tx, connection, mark, tell):
    def both(connection):
        tell()
        mark(connection)

    run_tx(connection, both)
