"""The cursor is the time of creation, and the id.

The window: a writer is open while a later one commits, and the reader moves past both.
"""

CURSOR = "created_at"
