"""The master says `stop` once, as Locust's does.

The window: the message is lost, and the worker never hears that the test is over.
"""

REPEAT_STOP = False
