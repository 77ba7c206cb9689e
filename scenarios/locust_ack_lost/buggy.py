"""Wait for the ack, and go on whether it came or not.

The window: one lost message, and the worker is at work for nobody.
"""

INSISTS = False
