"""One thread sends, the other waits in recv, on one socket.

The window: the receiver found nothing and goes to sleep at the mailbox; the command for it comes;
the sender, which looks into the mailbox before it sends, takes it away.
"""

import threading


def exchange(socket, wire, messages):
    received = []
    receiver = threading.Thread(target=receive, args=(socket, messages, received), name="receiver")
    receiver.start()
    for number in range(messages):
        socket.send(b"%d" % number)
        wire.put(socket.sent.popleft())
    receiver.join()
    return received


def receive(socket, messages, received):
    while len(received) < messages:
        received.append(socket.recv())
