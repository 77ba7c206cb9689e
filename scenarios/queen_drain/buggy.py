"""An acknowledgement is checked for nothing, and the killed one's too.

The window: as in queen_late_ack.
"""

FENCE = "none"
