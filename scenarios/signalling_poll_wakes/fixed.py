"""The main loop waits in a poll that began before anybody connected.

No window: the poll wakes up inside, hands out the subscription and goes on; it need not be
entered again, as the document supposes.
"""


def wait(control, subscribed):
    control.poll()
