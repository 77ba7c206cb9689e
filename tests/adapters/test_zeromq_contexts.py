"""The end of a context under control: who holds it up is named, nobody hangs natively."""

from __future__ import annotations

import threading

import zmq

from zeromq_twins import ADDRESS, fails, passes


def test_a_socket_left_open_is_a_deadlock_that_names_it() -> None:
    def body() -> None:
        context = zmq.Context()

        def forget() -> None:
            socket = context.socket(zmq.PUSH)
            socket.connect(ADDRESS)
            forgotten.append(socket)

        forgotten: list[object] = []
        thread = threading.Thread(target=forget)
        thread.start()
        thread.join()
        context.term()

    failure = fails(body, "deadlock")
    made = f"test_zeromq_contexts.py:{body.__code__.co_firstlineno + 4}"
    expected = f"term Context#1 with open PUSH#1 inproc://control (created at {made})"
    assert expected in failure.waits[0]


def test_term_waits_for_another_thread_to_close_its_socket() -> None:
    def body() -> None:
        context = zmq.Context()
        pull = context.socket(zmq.PULL)

        def work() -> None:
            try:
                pull.recv()
            except zmq.ContextTerminated:
                pull.close()

        thread = threading.Thread(target=work)
        thread.start()
        context.term()
        assert context.closed
        assert pull.closed
        thread.join()

    passes(body)


def test_a_context_that_ends_too_early_refuses_the_next_socket() -> None:
    def body() -> None:
        context = zmq.Context()

        def work() -> None:
            with context.socket(zmq.PUSH) as socket:
                socket.connect(ADDRESS)

        thread = threading.Thread(target=work)
        thread.start()
        context.term()
        thread.join()

    fails(body, "exception")


def test_term_ends_every_kind_of_wait() -> None:
    def body() -> None:
        context = zmq.Context()
        ended = []

        def wait_for(call: str, socket: object) -> None:
            poller = zmq.Poller()
            poller.register(socket, zmq.POLLIN)
            calls = {"recv": socket.recv, "poll": poller.poll, "send": lambda: socket.send(b"x")}
            try:
                calls[call]()
            except zmq.ContextTerminated:
                ended.append(call)
            socket.close()

        waits = ("recv", "poll", "send")
        pairs = [context.socket(zmq.PAIR) for _ in waits]
        threads = [
            threading.Thread(target=wait_for, args=each) for each in zip(waits, pairs, strict=True)
        ]
        for thread in threads:
            thread.start()
        context.term()
        for thread in threads:
            thread.join()
        assert sorted(ended) == ["poll", "recv", "send"]

    passes(body, executions=100)


def test_destroy_closes_what_is_open() -> None:
    def body() -> None:
        context = zmq.Context()
        pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
        pull.bind(ADDRESS)
        push.connect(ADDRESS)
        push.send(b"never read")
        context.destroy(linger=0)
        assert context.closed
        assert pull.closed
        assert push.closed

    passes(body, executions=20)


def test_a_message_to_nobody_holds_up_nothing_over_inproc() -> None:
    def body() -> None:
        context = zmq.Context()
        with context.socket(zmq.PUSH) as push:
            push.connect(ADDRESS)
            push.send(b"x")
        context.term()

    passes(body, executions=20)


def test_the_instance_that_everybody_shares_is_a_fresh_one_in_each_execution(control) -> None:
    seen = []

    def body() -> None:
        context = zmq.Context.instance()
        seen.append(context)
        with context.socket(zmq.PULL) as pull:
            pull.bind(ADDRESS)

    with control(body) as (run, zeromq):
        for _ in range(3):
            assert run().failures == []
            assert zeromq.left == ()
    assert len({id(context) for context in seen}) == 3
    assert all(context.closed for context in seen)


def test_a_context_made_before_the_body_stays_open(control) -> None:
    with zmq.Context() as context:

        def body() -> None:
            with context.socket(zmq.PULL) as pull, context.socket(zmq.PUSH) as push:
                pull.bind(ADDRESS)
                push.connect(ADDRESS)
                push.send(b"x")
                assert pull.recv() == b"x"

        with control(body) as (run, zeromq):
            for _ in range(5):
                assert run().failures == []
            assert [t.exact for t in zeromq.transports_used()] == [True]
        assert not context.closed
