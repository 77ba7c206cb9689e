"""The effect comes after the commit.

No window: it is done once, when the transaction has succeeded.
"""


def mark_and_tell(run_tx, connection, mark, tell):
    run_tx(connection, mark)
    tell()
