"""As buggy, with a lock around every call.

Looks right: the calls no longer overlap. But the receiver sleeps with the lock in its hand.
"""

import threading


def exchange(socket, wire, messages):
    lock, received = threading.Lock(), []
    receiver = threading.Thread(
        target=receive, args=(socket, lock, messages, received), name="receiver"
    )
    receiver.start()
    for number in range(messages):
        with lock:
            socket.send(b"%d" % number)
        wire.put(socket.sent.popleft())
    receiver.join()
    return received


def receive(socket, lock, messages, received):
    while len(received) < messages:
        with lock:
            received.append(socket.recv())
