"""A consumer without a group has a group with a name.

No window: the second insert waits for the first to commit, and then does nothing.
"""

GROUP = "__QUEUE_MODE__"
TABLE = "create table done (message int, consumer_group text, unique (message, consumer_group))"
