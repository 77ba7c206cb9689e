"""ROUTER sends to names it has heard from, and must not drop (`ROUTER_MANDATORY`).

No window: who has said hello is known; were it not, `send` would fail instead of dropping.
"""


def tell(control, names, messages):
    control.router_mandatory = 1
    for _ in names:
        name, _ = control.recv_multipart()
        for _ in range(messages):
            control.send_multipart([name, b"go"])


def arrive(socket):
    """A worker that is connected says hello."""
    socket.send(b"hello")
