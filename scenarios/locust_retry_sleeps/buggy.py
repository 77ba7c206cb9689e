"""A refused heartbeat is tried again after 1, 3 and 5 seconds; until then there is no other.

The window: the pause of five seconds begins just before the socket has room again.
"""


def send_heartbeat(link, payload, ended):
    for pause_s in (1, 3, 5):
        if link.send(payload) or ended.wait(pause_s):
            return
