"""Send without waiting; the result is not looked at.

The window: the socket is full, `send` says so, and the message is gone.
"""

POLICY = "lock_dontwait(drop)"


def arrange(rig):
    return rig.link, rig.outbox
