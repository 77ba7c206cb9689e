"""The process stands still for six seconds.

The window: five ticks of the master, more than four seconds and at most five.
"""

FROZEN_S = 6
