"""The main loop waits for its first sender outside ZeroMQ.

The window: a SUB hands out its subscription inside a call on it. A thread that waits for
something else makes no such call, so both sides wait for each other.
"""


def wait(control, subscribed):
    subscribed.wait()
