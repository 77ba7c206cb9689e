"""A consumer without a group has the group NULL.

The window: both look, both find nothing; and one NULL is no duplicate of another.
"""

GROUP = None
TABLE = "create table done (message int, consumer_group text, unique (message, consumer_group))"
