"""Send, then receive; nothing keeps the other thread out between the two.

The window: from the send to the answer the socket is in the other half of its cycle.
"""


def exchange(socket, lock, question):
    socket.send(question)
    return socket.recv()
