"""Whoever reports `running` after the test was stopped is told to stop once more.

No window: the two states can differ for one heartbeat only.
"""

REPEAT_STOP = True
