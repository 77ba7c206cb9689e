"""Connect once, then send.

No window: there is no second connection.
"""


def send_all(socket, endpoint, messages, monitor):
    socket.connect(endpoint)
    for number in range(1, messages + 1):
        socket.send(b"%d" % number)
