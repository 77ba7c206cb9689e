"""A refused report goes back to the head of the queue, a refused heartbeat into its slot.

No window: a message leaves the outbox for good when the socket has taken it.
"""

POLICY = "lock_dontwait(latest)"


def arrange(rig):
    return rig.link, rig.outbox
