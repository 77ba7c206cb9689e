"""The owner of the socket keeps the message until there is room.

No window: the sender hears that it was sent when it was.
"""

POLICY = "single_owner_priority"


def arrange(rig):
    return rig.link, rig.outbox
