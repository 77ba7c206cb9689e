"""The table is created if it does not exist.

The window: the other starter's table exists and is not committed, so it is not seen.
"""


def create(connection, statement):
    connection.execute(statement)
