"""No ack: register again.

No window: the worker begins when the master has said that it knows it.
"""

INSISTS = True
