"""Polls, selects and proxies under control."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import pytest
import zmq

from zeromq_twins import ADDRESS, fails, passes, run


def test_a_poller_gets_what_arrives_on_either_socket() -> None:
    def body() -> None:
        with zmq.Context() as context:
            with context.socket(zmq.PULL) as control, context.socket(zmq.PULL) as data:
                control.bind(ADDRESS)
                data.bind("inproc://data")
                poller = zmq.Poller()
                for socket in (control, data):
                    poller.register(socket, zmq.POLLIN)

                def send(address: str) -> None:
                    with context.socket(zmq.PUSH) as push:
                        push.connect(address)
                        push.send(address.encode())

                places = (ADDRESS, "inproc://data")
                threads = [threading.Thread(target=send, args=(place,)) for place in places]
                for thread in threads:
                    thread.start()
                got: list[bytes] = []
                while len(got) < 2:
                    got.extend(socket.recv() for socket, _ in poller.poll())
                for thread in threads:
                    thread.join()
        assert sorted(got) == [b"inproc://control", b"inproc://data"]

    passes(body)


def test_a_poll_that_nobody_ends_names_every_socket() -> None:
    def body() -> None:
        with zmq.Context() as context:
            with context.socket(zmq.PULL) as control, context.socket(zmq.SUB) as data:
                control.bind(ADDRESS)
                data.bind("inproc://data")
                poller = zmq.Poller()
                poller.register(control, zmq.POLLIN)
                poller.register(data, zmq.POLLIN)
                poller.poll()

    failure = fails(body, "deadlock")
    assert failure.where.startswith("test_zeromq_poll.py:")
    assert "poll PULL#1 inproc://control, SUB#1 inproc://data" in failure.waits[0]


@pytest.mark.parametrize("form", ["poller", "socket", "select"])
def test_a_poll_of_300_seconds_ends_in_virtual_time(form: str) -> None:
    def body() -> None:
        with zmq.Context() as context, context.socket(zmq.PULL) as pull:
            pull.bind(ADDRESS)
            poller = zmq.Poller()
            poller.register(pull, zmq.POLLIN)
            begun = time.monotonic()
            if form == "poller":
                assert poller.poll(300_000) == []
            elif form == "socket":
                assert pull.poll(300_000) == 0
            else:
                assert zmq.select([pull], [], [], 300) == ([], [], [])
            assert 300 <= time.monotonic() - begun < 301

    begun = time.monotonic()
    passes(body, executions=20)
    assert time.monotonic() - begun < 150  # the real clock; one alone would take 300


def test_a_poll_that_does_not_wait_comes_too_early_in_some_schedule() -> None:
    def body(timeout_ms: int) -> None:
        with zmq.Context() as context, context.socket(zmq.PULL) as pull:
            pull.bind(ADDRESS)

            def send() -> None:
                with context.socket(zmq.PUSH) as push:
                    push.connect(ADDRESS)
                    push.send(b"x")

            thread = threading.Thread(target=send)
            thread.start()
            assert pull.poll(timeout_ms) == zmq.POLLIN
            thread.join()

    fails(lambda: body(0), "assertion")
    passes(lambda: body(-1))


def test_a_native_file_descriptor_ends_a_poll() -> None:
    def body() -> None:
        readable, writable = os.pipe()
        try:
            with zmq.Context() as context, context.socket(zmq.PULL) as pull:
                pull.bind(ADDRESS)
                poller = zmq.Poller()
                poller.register(pull, zmq.POLLIN)
                poller.register(readable, zmq.POLLIN)
                thread = threading.Thread(target=os.write, args=(writable, b"x"))
                thread.start()
                assert poller.poll() == [(readable, zmq.POLLIN)]
                thread.join()
        finally:
            os.close(readable)
            os.close(writable)

    passes(body, executions=50)


def test_a_poll_for_writing_ends_when_there_is_room() -> None:
    def body() -> None:
        with zmq.Context() as context, context.socket(zmq.PUSH) as push:
            push.bind(ADDRESS)

            def receive() -> None:
                with context.socket(zmq.PULL) as pull:
                    pull.connect(ADDRESS)
                    pull.recv()

            thread = threading.Thread(target=receive)
            thread.start()
            assert push.poll(None, zmq.POLLOUT) == zmq.POLLOUT
            push.send(b"x", zmq.NOBLOCK)
            thread.join()

    passes(body)


def forward(*sockets: Any) -> None:
    """A proxy until its context ends."""
    try:
        zmq.proxy(*sockets)
    except zmq.ContextTerminated:
        pass
    for socket in sockets:
        socket.close()


@pytest.mark.parametrize("captured", [False, True])
def test_a_proxy_forwards_both_ways_until_its_context_ends(captured: bool) -> None:
    seen: list[bytes] = []

    def body() -> None:
        context = zmq.Context()
        sockets = [context.socket(kind) for kind in (zmq.ROUTER, zmq.DEALER)]
        sockets[0].bind("inproc://front")
        sockets[1].bind("inproc://back")
        if captured:
            sockets.append(context.socket(zmq.PUSH))
            sockets[2].bind("inproc://copy")

        def serve() -> None:
            with context.socket(zmq.REP) as rep:
                rep.connect("inproc://back")
                rep.send(rep.recv().upper())

        def ask() -> None:
            with context.socket(zmq.REQ) as req:
                req.connect("inproc://front")
                req.send(b"hello")
                assert req.recv() == b"HELLO"

        proxy = threading.Thread(target=forward, args=sockets)
        with context.socket(zmq.PULL) as listener:
            listener.connect("inproc://copy")
            proxy.start()
            run([threading.Thread(target=work) for work in (serve, ask)])
            if captured:
                seen.extend(listener.recv_multipart()[-1] for _ in range(2))
        context.term()
        proxy.join()

    passes(body, executions=60)
    assert set(seen) == ({b"hello", b"HELLO"} if captured else set())


def test_a_proxy_whose_sink_is_full_still_forwards_the_other_way() -> None:
    def body() -> None:
        with zmq.Context() as context:
            front, back = context.socket(zmq.DEALER), context.socket(zmq.DEALER)
            front.bind("inproc://front")
            back.bind("inproc://back")  # nobody ever connects to read here
            back.sndhwm = 1

            proxy = threading.Thread(target=forward, args=(front, back))
            proxy.start()
            with context.socket(zmq.DEALER) as left, context.socket(zmq.DEALER) as right:
                left.connect("inproc://front")
                left.send(b"to the right")
                right.rcvhwm = 1
                right.connect("inproc://back")
                right.send(b"to the left")
                assert left.recv() == b"to the left"
                assert right.recv() == b"to the right"
            context.term()
            proxy.join()

    passes(body, executions=60)
