"""Real sockets: a connection that is cut, a message that is lost, and the clients that bear it."""

from __future__ import annotations

import socket
import threading

import pytest

from pytest_racecheck import barrier, fault

zmq = pytest.importorskip("zmq")


def answers(server):
    """Echo the lines of each connection, until one of them says that it is enough."""
    line = b""
    while line != b"enough":
        connection, _ = server.accept()
        with connection:
            line = connection.recv(100)
            connection.sendall(line)


class Impatient:
    """Gives up when the connection does."""

    def __init__(self, address):
        self.address = address

    def ask(self, text):
        with socket.create_connection(self.address) as connection:
            connection.sendall(text)
            return connection.recv(100)


class Persistent(Impatient):
    """Connects anew until there is an answer."""

    def ask(self, text):
        while True:
            try:
                return super().ask(text)
            except OSError:
                continue


def test_a_tcp_connection_that_is_cut():
    main = threading.current_thread().name
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answers, args=(server,))
        thread.start()
        address = server.getsockname()
        with fault("socket:socket.sendall", "disconnect", times=1, by=main):
            with pytest.raises(BrokenPipeError):
                Impatient(address).ask(b"hello")
        with fault("socket:socket.sendall", "disconnect", times=1, by=main) as cut:
            assert Persistent(address).ask(b"hello") == b"hello"
        assert cut.fired == 1
        Impatient(address).ask(b"enough")
        thread.join()


def push_and_pull(count):
    """What a PULL receives of the numbers that a PUSH sends."""
    with zmq.Context() as context, context.socket(zmq.PULL) as pull:
        pull.bind("inproc://numbers")
        pull.rcvtimeo = 200
        with context.socket(zmq.PUSH) as push:
            push.linger = 0
            push.sndtimeo = 200
            push.connect("inproc://numbers")
            for number in range(count):
                push.send(b"%d" % number)
            return [int(pull.recv()) for _ in range(count)]


def test_zeromq_without_a_fault():
    assert push_and_pull(3) == [0, 1, 2]


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [("duplicate", [0, 1, 1]), ("reorder", [0, 2, 1]), ("drop", zmq.Again)],
)
def test_zeromq_messages_that_are_lost_or_come_twice_or_too_late(kind, outcome):
    with fault("zmq:Socket.send", kind, skip=1, times=1):
        if isinstance(outcome, list):
            assert push_and_pull(3) == outcome
        else:
            with pytest.raises(outcome):
                push_and_pull(3)


def test_a_zeromq_socket_that_is_disconnected_cannot_send():
    with fault("zmq:Socket.send", "disconnect", skip=1, times=1):
        with pytest.raises(zmq.Again):
            push_and_pull(3)


def test_two_threads_meet_in_front_of_a_lock():
    lock, inside = threading.Lock(), []

    def enter():
        with lock:
            inside.append(threading.current_thread().name)

    with barrier("threading:Lock.acquire", 2) as met:
        threads = [threading.Thread(target=enter) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (len(inside), met.fired) == (2, 2)
