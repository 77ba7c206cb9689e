"""A refused heartbeat is not tried again: the next one is due in a second.

No window: the gap is a second more than the socket was full.
"""


def send_heartbeat(link, payload, ended):
    link.send(payload)
