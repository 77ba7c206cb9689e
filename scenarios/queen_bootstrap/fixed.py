"""The same under an advisory lock of the transaction.

No window: who looks second looks after the first has committed.
"""


def create(connection, statement):
    connection.execute("select pg_advisory_xact_lock(5014)")
    connection.execute(statement)
