"""Connect, send, disconnect, then wait until the bound PAIR has reported the end (tcp only).

The window: the event says that the connection is gone. Whether the bound PAIR has taken the
next one, or drops it, is decided elsewhere and reported nowhere.
"""

from zmq.utils.monitor import recv_monitor_message

POLL_MS = 1


def send_all(socket, endpoint, messages, monitor):
    for number in range(1, messages + 1):
        socket.connect(endpoint)
        socket.send(b"%d" % number)
        socket.disconnect(endpoint)
        while not monitor.poll(0):
            socket.poll(POLL_MS)  # a disconnect goes on only inside calls on its socket
        recv_monitor_message(monitor)
