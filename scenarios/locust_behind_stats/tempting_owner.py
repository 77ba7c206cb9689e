"""One thread owns the socket, and one queue feeds it.

Looks right: nobody shares, nobody blocks. The heartbeat still stands at the end of the queue.
"""

POLICY = "single_owner"
