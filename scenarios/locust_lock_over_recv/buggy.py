"""A lock around every call, and a receive without a time-out inside it.

The window: once the receiver waits it holds the lock until the master speaks, and the master
speaks only when it hears a heartbeat. It needs no unlucky schedule, only a silent master.
"""

POLICY = "lock_blocking"
