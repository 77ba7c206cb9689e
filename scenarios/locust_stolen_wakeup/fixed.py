"""One thread sends and receives.

No window: whoever reads the mailbox is the one that the commands are for.
"""


def exchange(socket, wire, messages):
    for number in range(messages):
        socket.send(b"%d" % number)
        wire.put(socket.sent.popleft())
    return [socket.recv() for _ in range(messages)]
