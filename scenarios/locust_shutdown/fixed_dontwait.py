"""The receiver looks every ten milliseconds whether it is over; then the socket is closed.

No window: who joins the receiver comes after its last use.
"""

POLICY = "lock_dontwait(latest)"
