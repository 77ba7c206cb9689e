"""One thread owns the DEALER; each sender hands over to it on a PUSH of its own.

No window: every socket is made, used and closed by one thread.
"""

import threading

import zmq

FRAMES = 2


def exchange(context, endpoint, identity, threads, messages):
    with context.socket(zmq.PULL) as orders, context.socket(zmq.DEALER) as socket:
        orders.bind("inproc://orders")
        socket.setsockopt(zmq.IDENTITY, identity)
        socket.connect(endpoint)
        senders = [threading.Thread(target=send, args=(context, messages)) for _ in range(threads)]
        for sender in senders:
            sender.start()
        poller = zmq.Poller()
        poller.register(orders, zmq.POLLIN)
        poller.register(socket, zmq.POLLIN)
        answers = 0
        while answers < threads * messages:
            ready = dict(poller.poll())
            if orders in ready:
                body = orders.recv()
                socket.send_multipart([body, body])
            if socket in ready:
                socket.recv()
                answers += 1
        for sender in senders:
            sender.join()
    return answers


def send(context, messages):
    with context.socket(zmq.PUSH) as order:
        order.connect("inproc://orders")
        for number in range(messages):
            order.send(b"%d" % number)
