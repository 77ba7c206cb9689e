"""One queue for heartbeats and statistics, as the document has it.

The window: as long as the pile is high.
"""

POLICY = "lock_dontwait(retry_tail)"
