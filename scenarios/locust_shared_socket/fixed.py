"""One thread owns the DEALER; each sender hands over to it on a PUSH of its own.

No window: every socket is made, used and closed by one thread.
"""

import threading

import zmq

FRAMES = 2
ANSWERS = False


def exchange(context, endpoint, identity, threads, messages):
    with context.socket(zmq.PULL) as orders, context.socket(zmq.DEALER) as socket:
        orders.bind("inproc://orders")
        socket.setsockopt(zmq.IDENTITY, identity)
        socket.connect(endpoint)
        senders = [threading.Thread(target=send, args=(context, messages)) for _ in range(threads)]
        for sender in senders:
            sender.start()
        for _ in range(threads * messages):
            body = orders.recv()
            socket.send_multipart([body, body])
        for sender in senders:
            sender.join()


def send(context, messages):
    with context.socket(zmq.PUSH) as order:
        order.connect("inproc://orders")
        for number in range(messages):
            order.send(b"%d" % number)
