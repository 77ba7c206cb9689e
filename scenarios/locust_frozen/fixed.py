"""The process stands still for three seconds: what blocks longer was moved out of the loop.

No window: the next heartbeat comes before the fifth tick.
"""

FROZEN_S = 3
