"""The owner check: sharing that nothing orders is found, every ordered hand-over is legal."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

import pytest
import zmq

from zeromq_twins import ADDRESS, explored, fails, passes, run


def with_sockets(work: Callable[[Any, Any], None]) -> Callable[[], None]:
    """A body that has a PULL and a connected PUSH, and lets ``work`` do something with them."""

    def body() -> None:
        with zmq.Context() as context:
            with context.socket(zmq.PULL) as pull, context.socket(zmq.PUSH) as push:
                pull.bind(ADDRESS)
                push.connect(ADDRESS)
                work(pull, push)

    return body


def test_two_threads_that_send_on_one_socket_are_found_at_the_first_execution() -> None:
    def work(pull: Any, push: Any) -> None:
        def send() -> None:
            push.send(b"x")

        run([threading.Thread(target=send) for _ in range(2)])

    failure = fails(with_sockets(work), "illegal sharing")
    line = work.__code__.co_firstlineno + 2
    assert failure.where == f"test_zeromq_owner.py:{line}"
    assert "PUSH#1 inproc://control" in failure.message
    assert failure.message.count(f"test_zeromq_owner.py:{line}") == 2
    assert f"created at test_zeromq_owner.py:{with_sockets.__code__.co_firstlineno + 5}" in (
        failure.message
    )
    assert explored(with_sockets(work)).first_failure == 1


def test_both_stacks_are_told(control) -> None:
    def work(pull: Any, push: Any) -> None:
        def outer() -> None:
            inner()

        def inner() -> None:
            push.send(b"x")

        run([threading.Thread(target=outer) for _ in range(2)])

    with control(with_sockets(work)) as (execute, _):
        error = execute().failures[0].error
    for stack in (error.first_stack, error.second_stack):
        assert [line.rpartition(".")[2] for line in stack[:2]] == ["inner", "outer"]
        assert all(line.startswith("test_zeromq_owner.py:") for line in stack)


def test_a_receiver_and_a_sender_on_one_socket_are_illegal() -> None:
    def body() -> None:
        with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
            dealer.bind(ADDRESS)

            def receive() -> None:
                dealer.recv(zmq.NOBLOCK) if dealer.poll(0) else None

            run([threading.Thread(target=receive), threading.Thread(target=dealer.poll, args=(0,))])

    fails(body, "illegal sharing")


@pytest.mark.parametrize(
    "use",
    [
        lambda push: push.close(),
        lambda push: push.setsockopt(zmq.LINGER, 0),
        lambda push: push.get(zmq.EVENTS),
        lambda push: push.connect("inproc://other"),
        lambda push: push.poll(0, zmq.POLLOUT),
    ],
    ids=["close", "set", "get", "connect", "poll"],
)
def test_every_call_counts(use: Callable[[Any], None]) -> None:
    def work(pull: Any, push: Any) -> None:
        threads = [
            threading.Thread(target=use, args=(push,)),
            threading.Thread(target=push.send, args=(b"x",)),
        ]
        run(threads)

    # Closed first, the socket itself may object: that is another schedule.
    finding = explored(with_sockets(work))
    assert finding.failure.kind in ("illegal sharing", "exception")
    fails(with_sockets(work), "illegal sharing", strategy="pct", seed=1)


def test_a_socket_made_by_one_thread_and_used_by_the_thread_it_starts_is_legal() -> None:
    def work(pull: Any, push: Any) -> None:
        run([threading.Thread(target=push.send, args=(b"x",))])
        push.send(b"y")  # after the join it is ours again
        assert [pull.recv(), pull.recv()] == [b"x", b"y"]

    passes(with_sockets(work))


def test_a_socket_used_before_the_join_is_not() -> None:
    def work(pull: Any, push: Any) -> None:
        thread = threading.Thread(target=push.send, args=(b"x",))
        thread.start()
        push.send(b"y")
        thread.join()

    fails(with_sockets(work), "illegal sharing")


def test_a_lock_around_every_use_is_a_fence() -> None:
    def work(pull: Any, push: Any) -> None:
        lock = threading.Lock()

        def send() -> None:
            with lock:
                push.send(b"x")

        run([threading.Thread(target=send) for _ in range(2)])

    passes(with_sockets(work))


def test_a_lock_around_one_use_only_is_not() -> None:
    def work(pull: Any, push: Any) -> None:
        lock = threading.Lock()

        def send(locked: bool) -> None:
            if locked:
                with lock:
                    push.send(b"x")
            else:
                push.send(b"x")

        run([threading.Thread(target=send, args=(locked,)) for locked in (True, False)])

    fails(with_sockets(work), "illegal sharing")


HANDOVERS = {
    "queue": (queue.Queue, lambda q: q.put(1), lambda q: q.get()),
    "simple queue": (queue.SimpleQueue, lambda q: q.put(1), lambda q: q.get()),
    "event": (threading.Event, lambda e: e.set(), lambda e: e.wait()),
    "semaphore": (lambda: threading.Semaphore(0), lambda s: s.release(), lambda s: s.acquire()),
}


@pytest.mark.parametrize("how", HANDOVERS)
def test_a_hand_over_that_orders_the_uses_is_legal(how: str) -> None:
    make, give, take = HANDOVERS[how]

    def work(pull: Any, push: Any) -> None:
        token = make()

        def first() -> None:
            push.send(b"1")
            give(token)

        def second() -> None:
            take(token)
            push.send(b"2")

        run([threading.Thread(target=first), threading.Thread(target=second)])
        assert [pull.recv(), pull.recv()] == [b"1", b"2"]

    passes(with_sockets(work))


def test_a_message_is_a_hand_over_too() -> None:
    def work(pull: Any, push: Any) -> None:
        with zmq.Context() as context:
            with context.socket(zmq.PAIR) as left, context.socket(zmq.PAIR) as right:
                left.bind("inproc://baton")
                right.connect("inproc://baton")

                def first() -> None:
                    push.send(b"1")
                    left.send(b"yours")

                def second() -> None:
                    right.recv()
                    push.send(b"2")

                run([threading.Thread(target=first), threading.Thread(target=second)])

    passes(with_sockets(work))


def test_a_flag_without_synchronisation_is_no_hand_over() -> None:
    def work(pull: Any, push: Any) -> None:
        done: list[bool] = []

        def first() -> None:
            push.send(b"1")
            done.append(True)

        def second() -> None:
            if done:
                push.send(b"2")

        run([threading.Thread(target=first), threading.Thread(target=second)])

    fails(with_sockets(work), "illegal sharing")


def test_sharing_that_the_body_swallows_is_still_told(control) -> None:
    def work(pull: Any, push: Any) -> None:
        def send() -> None:
            try:
                push.send(b"x")
            except AssertionError as error:
                swallowed.append(error)

        run([threading.Thread(target=send) for _ in range(2)])

    swallowed: list[BaseException] = []
    with control(with_sockets(work)) as (execute, zeromq):
        assert execute().failures == []
        assert swallowed
        assert any("nothing orders" in left for left in zeromq.left)
