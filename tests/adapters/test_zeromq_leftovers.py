"""What a body leaves open is closed after its execution, and told unless it failed."""

from __future__ import annotations

import os
import threading
from typing import Any

import zmq

from zeromq_twins import ADDRESS


def test_a_deadlock_leaves_no_socket_no_context_and_no_complaint(control) -> None:
    made: list[Any] = []

    def body() -> None:
        context = zmq.Context()
        made.append(context)
        pull = context.socket(zmq.PULL)
        made.append(pull)
        pull.bind(ADDRESS)
        threading.Thread(target=pull.recv).start()

    with control(body) as (run, zeromq):
        assert run().failures[0].kind == "deadlock"
        assert zeromq.left == ()
    assert [each.closed for each in made] == [True, True]


def test_what_a_passing_body_leaves_open_is_told_with_its_place_of_birth(control) -> None:
    kept: list[Any] = []

    def body() -> None:
        context = zmq.Context()
        kept.append(context)
        kept.append(context.socket(zmq.PUSH))
        kept[-1].connect(ADDRESS)

    line = body.__code__.co_firstlineno
    with control(body) as (run, zeromq):
        assert run().failures == []
        assert zeromq.left == (
            f"PUSH#1 inproc://control, created at test_zeromq_leftovers.py:{line + 3}, "
            "was not closed",
            f"Context#1, created at test_zeromq_leftovers.py:{line + 1}, was not closed",
        )
    assert [each.closed for each in kept] == [True, True]


def test_a_body_that_closes_everything_leaves_nothing(control) -> None:
    def body() -> None:
        with zmq.Context() as context, context.socket(zmq.PUSH) as push:
            push.connect(ADDRESS)

    with control(body) as (run, zeromq):
        assert run().failures == []
        assert zeromq.left == ()


def test_a_wait_in_term_ends_with_the_execution(control) -> None:
    def body() -> None:
        context = zmq.Context()
        contexts.append(context)
        open_sockets.extend(context.socket(kind) for kind in (zmq.PUSH, zmq.PULL))
        context.term()

    contexts: list[Any] = []
    open_sockets: list[Any] = []
    with control(body) as (run, _):
        assert run().failures[0].kind == "deadlock"
        threads = len(os.listdir("/proc/self/task"))
        for _ in range(10):
            assert run().failures[0].kind == "deadlock"
        assert len(os.listdir("/proc/self/task")) <= threads + 1  # one may still be about to end
    assert all(context.closed for context in contexts)


def test_names_begin_again_in_every_execution(control) -> None:
    def body() -> None:
        context = zmq.Context()
        context.socket(zmq.PULL).recv()

    with control(body) as (run, _):
        waits = {run().failures[0].waits for _ in range(3)}
    assert len(waits) == 1
    assert "PULL#1" in waits.pop()[0]


def test_sockets_of_an_earlier_execution_cannot_be_reached_by_a_later_one(control) -> None:
    with zmq.Context() as context:

        def body() -> None:
            push = context.socket(zmq.PUSH)
            push.connect(ADDRESS)
            push.send(b"stays in the pipe")
            pull = context.socket(zmq.PULL)
            pull.bind(ADDRESS)  # would be in use, were the one before still there
            assert pull.recv() == b"stays in the pipe"
            assert pull.poll(0) == 0
            raise AssertionError("so that nobody complains about the open sockets")

        with control(body) as (run, _):
            for _ in range(5):
                assert run().failures[0].message.startswith("so that nobody")
