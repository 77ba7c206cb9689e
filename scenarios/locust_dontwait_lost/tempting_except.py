"""The same, and where a send fails with an exception the message goes back into the queue.

Looks right, but a full socket is told by the result, as in JeroMQ, and the branch never runs.
"""

POLICY = "lock_dontwait(drop)"


class Retrying:
    def __init__(self, link, outbox):
        self.link, self.outbox = link, outbox
        self.recv, self.interrupt, self.close = link.recv, link.interrupt, link.close

    def send(self, payload):
        try:
            return self.link.send(payload)
        except OSError:
            self.outbox.put(payload)
            return False


def arrange(rig):
    return Retrying(rig.link, rig.outbox), rig.outbox
