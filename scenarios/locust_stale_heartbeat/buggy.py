"""A refused heartbeat goes back to the tail of the queue, as the document has it.

The window: younger heartbeats were queued meanwhile, and go before it.
"""

POLICY = "lock_dontwait(retry_tail)"
