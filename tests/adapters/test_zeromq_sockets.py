"""Sending and receiving under control: waits, time-outs in virtual time, parts, types."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import zmq

import pytest_racecheck
from zeromq_twins import ADDRESS, fails, passes, run


@contextmanager
def two(kind: int, other: int) -> Iterator[tuple[Any, Any]]:
    """A bound and a connected socket, in a context of their own."""
    with zmq.Context() as context:
        with context.socket(kind) as bound, context.socket(other) as connected:
            bound.bind(ADDRESS)
            connected.connect(ADDRESS)
            yield bound, connected


def test_two_that_wait_for_each_others_message_are_a_deadlock_of_both_sockets() -> None:
    def body() -> None:
        with two(zmq.PAIR, zmq.PAIR) as (left, right):

            def answer() -> None:
                right.recv()
                right.send(b"never")

            thread = threading.Thread(target=answer)
            thread.start()
            left.recv()

    failure = fails(body, "deadlock")
    assert any("recv PAIR#1 inproc://control" in wait for wait in failure.waits)
    assert any("recv PAIR#2 inproc://control" in wait for wait in failure.waits)


def test_two_that_talk_in_turn_are_no_deadlock() -> None:
    def body() -> None:
        with two(zmq.PAIR, zmq.PAIR) as (left, right):
            thread = threading.Thread(target=lambda: right.send(right.recv()))
            thread.start()
            left.send(b"there and back")
            assert left.recv() == b"there and back"
            thread.join()

    passes(body)


@pytest.mark.parametrize("option", ["rcvtimeo", "sndtimeo"])
def test_a_time_out_of_300_seconds_passes_in_virtual_time(option: str) -> None:
    def body() -> None:
        with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
            setattr(socket, option, 300_000)
            begun = time.monotonic()
            with pytest.raises(zmq.Again):
                socket.recv() if option == "rcvtimeo" else socket.send(b"to nobody")
            assert 300 <= time.monotonic() - begun < 301

    begun = time.monotonic()
    passes(body, executions=20)
    assert time.monotonic() - begun < 150  # the real clock; one alone would take 300


def test_a_message_in_time_ends_the_wait_for_it() -> None:
    def body() -> None:
        with two(zmq.PULL, zmq.PUSH) as (pull, push):
            pull.rcvtimeo = 300_000

            def send_later() -> None:
                time.sleep(200)
                push.send(b"in time")

            thread = threading.Thread(target=send_later)
            thread.start()
            assert pull.recv() == b"in time"
            assert 200 <= time.monotonic() - begun < 201
            thread.join()

    begun = 0.0

    def timed() -> None:
        nonlocal begun
        begun = time.monotonic()
        body()

    passes(timed)


def test_a_message_too_late_is_not_waited_for() -> None:
    def body() -> None:
        with two(zmq.PULL, zmq.PUSH) as (pull, push):
            pull.rcvtimeo = 100_000

            def send_later() -> None:
                time.sleep(200)
                push.send(b"too late")

            thread = threading.Thread(target=send_later)
            thread.start()
            pull.recv()

    assert fails(body, "exception").type == "Again"


def test_without_blocking_nobody_waits() -> None:
    def body() -> None:
        with two(zmq.PULL, zmq.PUSH) as (pull, push):
            for receive in (pull.recv, pull.recv_multipart, pull.recv_string):
                with pytest.raises(zmq.Again):
                    receive(flags=zmq.NOBLOCK)
            push.send(b"x", zmq.NOBLOCK)
            assert pull.recv(zmq.NOBLOCK) == b"x"
        with zmq.Context() as context, context.socket(zmq.PUSH) as lonely:
            lonely.bind(ADDRESS)
            with pytest.raises(zmq.Again):
                lonely.send(b"x", zmq.NOBLOCK)

    passes(body, executions=20)


def test_polling_without_blocking_too_early_is_found() -> None:
    def body() -> None:
        with two(zmq.PULL, zmq.PUSH) as (pull, push):
            thread = threading.Thread(target=push.send, args=(b"x",))
            thread.start()
            assert pull.recv(zmq.NOBLOCK) == b"x"
            thread.join()

    assert fails(body, "exception").type == "Again"


def test_a_sender_waits_at_the_high_water_mark_until_there_is_room() -> None:
    def body(reads: int) -> None:
        with zmq.Context() as context, context.socket(zmq.PULL) as pull:
            pull.rcvhwm = 1
            pull.bind(ADDRESS)

            def send() -> None:
                with context.socket(zmq.PUSH) as push:
                    push.sndhwm = 1
                    push.connect(ADDRESS)
                    for _ in range(4):
                        push.send(b"x")

            thread = threading.Thread(target=send)
            thread.start()
            for _ in range(reads):
                pull.recv()
            thread.join()

    passes(lambda: body(4))
    failure = fails(lambda: body(1), "deadlock")
    assert any("send PUSH#1 inproc://control" in wait for wait in failure.waits)


def test_a_bound_push_waits_for_its_first_peer() -> None:
    def body() -> None:
        with zmq.Context() as context, context.socket(zmq.PUSH) as push:
            push.bind(ADDRESS)

            def receive() -> None:
                with context.socket(zmq.PULL) as pull:
                    pull.connect(ADDRESS)
                    assert pull.recv() == b"x"

            thread = threading.Thread(target=receive)
            thread.start()
            push.send(b"x")
            thread.join()

    passes(body)


def test_requests_get_their_replies() -> None:
    def body() -> None:
        with zmq.Context() as context, context.socket(zmq.REP) as rep:
            rep.bind(ADDRESS)

            def ask(text: str) -> None:
                with context.socket(zmq.REQ) as req:
                    req.connect(ADDRESS)
                    req.send_string(text)
                    assert req.recv_string() == text.upper()

            def serve() -> None:
                for _ in range(2):
                    rep.send_string(rep.recv_string().upper())

            server = threading.Thread(target=serve)
            server.start()
            run([threading.Thread(target=ask, args=(text,)) for text in ("a", "b")])
            server.join()

    passes(body)


@pytest.mark.parametrize("takes_turns", [True, False])
def test_a_router_answers_whom_it_means_to(takes_turns: bool) -> None:
    def body() -> None:
        with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
            router.bind(ADDRESS)

            def ask(name: bytes) -> None:
                with context.socket(zmq.DEALER) as dealer:
                    dealer.connect(ADDRESS)
                    dealer.send(name)
                    assert dealer.recv() == name

            def serve() -> None:
                requests = [router.recv_multipart() for _ in range(2)]
                peers = [peer for peer, _ in requests]
                if not takes_turns and requests[0][1] == b"b":
                    peers.reverse()  # wrong if b came first
                for peer, (_, name) in zip(peers, requests, strict=True):
                    router.send_multipart([peer, name])

            server = threading.Thread(target=serve)
            server.start()
            run([threading.Thread(target=ask, args=(name,)) for name in (b"a", b"b")])
            server.join()

    if takes_turns:
        passes(body)
    else:
        fails(body, "assertion")


def test_nobody_comes_between_the_parts_of_a_message() -> None:
    between = []

    def body() -> None:
        inside = False
        with two(zmq.PULL, zmq.PUSH) as (pull, push):

            def send() -> None:
                nonlocal inside
                push.send(b"1", zmq.SNDMORE)
                inside = True
                push.send(b"2", zmq.SNDMORE)
                push.send(b"3")
                inside = False

            def look() -> None:
                for _ in range(3):
                    time.sleep(0)
                    between.append(inside)

            threads = [threading.Thread(target=send), threading.Thread(target=look)]
            for thread in threads:
                thread.start()
            assert pull.recv_multipart() == [b"1", b"2", b"3"]
            for thread in threads:
                thread.join()

    passes(body)
    assert len(between) >= 600
    assert not any(between)


def test_every_form_of_a_message_goes_through() -> None:
    def body() -> None:
        with two(zmq.PULL, zmq.PUSH) as (pull, push):

            def send() -> None:
                push.send(zmq.Frame(b"frame"))
                push.send(b"shared" * 20_000, copy=False, track=True).wait()
                push.send(data=memoryview(b"view"), flags=0, copy=True)
                push.send_pyobj({"a": 1})
                push.send_json([1, 2])
                push.send_serialized(3, lambda n: [b"x" * n, b"y"])
                push.send(b"into a buffer")

            thread = threading.Thread(target=send)
            thread.start()
            assert pull.recv(copy=False).bytes == b"frame"
            assert len(pull.recv()) == 120_000
            assert pull.recv() == b"view"
            assert pull.recv_pyobj() == {"a": 1}
            assert pull.recv_json() == [1, 2]
            assert pull.recv_serialized(len) == 2
            buffer = bytearray(20)
            assert pull.recv_into(buffer) == len(b"into a buffer")
            assert buffer.startswith(b"into a buffer\0")
            thread.join()

    passes(body, executions=40)


def test_a_send_sees_at_once_what_was_sent_to_its_socket() -> None:
    # libzmq lets send look into its mailbox only once in about a millisecond of real time.
    def body() -> None:
        with zmq.Context() as context, context.socket(zmq.PUB) as pub:
            pub.bind(ADDRESS)
            pub.send(b"looks into the mailbox")
            with context.socket(zmq.SUB) as sub:
                sub.subscribe(b"")
                sub.connect(ADDRESS)
                pub.send(b"x")
                assert sub.recv() == b"x"

    passes(body, executions=50)


CLIENT_AND_SERVER = """
import threading
import zmq
from zeromq_twins import fails, passes

def body(shared):
    with zmq.Context() as context, context.socket(zmq.SERVER) as server:
        server.bind("inproc://control")
        answers = []

        def serve():
            for _ in range(4):
                frame = server.recv(copy=False)
                server.send(frame.bytes, routing_id=frame.routing_id)

        with context.socket(zmq.CLIENT) as common:
            common.connect("inproc://control")

            def ask(name):
                client = common if shared else context.socket(zmq.CLIENT)
                if not shared:
                    client.connect("inproc://control")
                for _ in range(2):
                    client.send(name)
                    answers.append(client.recv() == name)
                if not shared:
                    client.close()

            threads = [threading.Thread(target=serve)]
            threads += [threading.Thread(target=ask, args=(name,)) for name in (b"a", b"b")]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
        assert all(answers), "a reply reached the wrong thread"

assert zmq.has("draft")
passes(lambda: body(False))
failure = fails(lambda: body(True), "assertion")
assert "wrong thread" in failure.message, failure
print("both as they should be")
"""


def test_client_and_server_are_controlled_and_may_be_shared(draft_site: Path) -> None:
    folders = (draft_site, Path(pytest_racecheck.__file__).parent.parent, Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", CLIENT_AND_SERVER],
        env={"PYTHONPATH": ":".join(map(str, folders)), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.stdout == "both as they should be\n", done.stderr
