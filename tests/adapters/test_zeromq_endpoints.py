"""Endpoints under control: names, subscriptions, births and ends, tcp and ipc."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import zmq

from pytest_racecheck.adapters import zeromq_endpoints, zeromq_world
from pytest_racecheck.engine.trace import Trace
from zeromq_twins import ADDRESS, fails, passes


def test_sockets_are_named_by_type_birth_and_endpoint() -> None:
    def body() -> None:
        with zmq.Context() as context:
            with context.socket(zmq.PUSH), context.socket(zmq.PUSH) as second:
                second.bind("inproc://second")
                second.send(b"to nobody")

    assert "send PUSH#2 inproc://second" in fails(body, "deadlock").waits[0]


def test_a_port_found_by_the_system_does_not_appear_in_a_name() -> None:
    def body() -> None:
        with zmq.Context() as context, context.socket(zmq.PULL) as pull:
            pull.bind("tcp://127.0.0.1:*")
            pull.recv()

    assert "recv PULL#1 tcp://127.0.0.1:*" in fails(body, "deadlock").waits[0]


def test_a_port_found_by_the_system_does_not_appear_in_the_name_of_its_peer() -> None:
    def body() -> None:
        with zmq.Context() as context:
            with context.socket(zmq.PULL) as pull, context.socket(zmq.PUSH) as push:
                pull.bind("tcp://127.0.0.1:*")
                push.connect(pull.getsockopt_string(zmq.LAST_ENDPOINT))
                raise AssertionError(zeromq_world.KEY in push.__dict__ and name_of(push))

    assert fails(body, "assertion", executions=1).message == "PUSH#1 tcp://127.0.0.1:*"


def name_of(socket: Any) -> str:
    """What a report calls a socket."""
    return socket.__dict__[zeromq_world.KEY][1].__racecheck_name__


def test_every_call_that_others_can_notice_is_an_operation(control) -> None:
    def body() -> None:
        with zmq.Context() as context:
            with context.socket(zmq.XPUB) as xpub, context.socket(zmq.SUB) as sub:
                xpub.bind(ADDRESS)
                sub.connect(ADDRESS)
                sub.setsockopt(zmq.SUBSCRIBE, b"a")
                xpub.poll()
                xpub.recv_multipart()
                sub.unsubscribe(b"a")
                xpub.get(zmq.EVENTS)
                xpub.send(b"x", zmq.NOBLOCK)
                sub.disconnect(ADDRESS)
                xpub.unbind(ADDRESS)
                xpub.setsockopt(zmq.LINGER, 0)  # nobody else can tell

    trace = Trace()
    with control(body) as (run, _):
        assert run(trace).failures == []
    operations = [step.label for step in trace.steps if "#1" in step.target]
    assert operations == [
        *("bind", "connect", "subscribe", "poll", "recv", "unsubscribe", "poll", "send"),
        *("disconnect", "unbind", "close", "close", "term"),
    ]


def test_a_pair_whose_peer_has_gone_takes_the_next_one() -> None:
    def body() -> None:
        with zmq.Context() as context, context.socket(zmq.PAIR) as pair:
            for _ in range(3):
                with context.socket(zmq.PAIR) as peer:
                    peer.bind(ADDRESS)
                    pair.connect(ADDRESS)
                    pair.send(b"x", zmq.NOBLOCK)
                    assert peer.recv(zmq.NOBLOCK) == b"x"

    passes(body, executions=50)


def test_a_subscriber_that_has_gone_is_seen_at_once() -> None:
    def body(look: str) -> None:
        with zmq.Context() as context, context.socket(zmq.XPUB) as xpub:
            xpub.bind(ADDRESS)
            with context.socket(zmq.SUB) as sub:
                sub.connect(ADDRESS)
                sub.subscribe(b"")
                assert xpub.recv(zmq.NOBLOCK) == b"\1"
            if look == "poll":
                assert xpub.poll(0) == zmq.POLLIN
            elif look == "events":
                assert xpub.get(zmq.EVENTS) & zmq.POLLIN
            assert xpub.recv(zmq.NOBLOCK) == b"\0"

    for look in ("recv", "poll", "events"):
        passes(lambda look=look: body(look), executions=50)


def test_an_address_is_free_again_once_its_socket_is_closed() -> None:
    # Natively the reaper thread frees it some time after close has returned.
    def body() -> None:
        with zmq.Context() as context:
            for _ in range(3):
                with context.socket(zmq.PULL) as pull:
                    pull.bind(ADDRESS)

    passes(body, executions=30)


def test_a_subscription_is_an_operation() -> None:
    def body(ordered: bool) -> None:
        with zmq.Context() as context:
            with context.socket(zmq.PUB) as pub, context.socket(zmq.SUB) as sub:
                pub.bind(ADDRESS)
                sub.connect(ADDRESS)
                sub.rcvtimeo = 1000

                def subscribe() -> None:
                    sub.subscribe("")
                    subscribed.set()
                    if ordered:
                        assert sub.recv() == b"x"

                subscribed = threading.Event()
                thread = threading.Thread(target=subscribe)
                thread.start()
                if ordered:
                    subscribed.wait()
                pub.send(b"x")
                thread.join()
                if not ordered:
                    assert sub.recv() == b"x"

    passes(lambda: body(True))
    assert fails(lambda: body(False), "exception").type == "Again"


def test_an_unsubscription_reaches_the_publisher() -> None:
    def body() -> None:
        with zmq.Context() as context, context.socket(zmq.XPUB) as xpub:
            xpub.bind(ADDRESS)

            def subscribe() -> None:
                with context.socket(zmq.SUB) as sub:
                    sub.connect(ADDRESS)
                    sub.setsockopt(zmq.SUBSCRIBE, b"a")
                    sub.setsockopt_string(zmq.SUBSCRIBE, "b")
                    sub.unsubscribe("a")

            thread = threading.Thread(target=subscribe)
            thread.start()
            # The last one is sent by the reaper thread, when the socket has been closed.
            assert [xpub.recv() for _ in range(4)] == [b"\1a", b"\1b", b"\0a", b"\0b"]
            thread.join()

    passes(body)


def test_a_socket_that_is_collected_is_no_operation(control) -> None:
    def body() -> None:
        def forget() -> None:
            socket: Any = context.socket(zmq.PUSH)
            socket.connect(ADDRESS)
            del socket

        with zmq.Context() as context:
            thread = threading.Thread(target=forget)
            thread.start()
            thread.join()

    trace = Trace()
    with control(body) as (run, _):
        with pytest.warns(ResourceWarning, match="Unclosed socket"):
            assert run(trace).failures == []
    operations = [step.label for step in trace.steps if "PUSH" in step.target]
    assert operations == ["connect"]


def test_a_socket_that_hands_on_its_handle_is_one_socket() -> None:
    def body() -> None:
        with zmq.Context() as context:
            with context.socket(zmq.PULL) as pull, context.socket(zmq.PUSH) as push:
                pull.bind(ADDRESS)
                push.connect(ADDRESS)

                def send() -> None:
                    zmq.Socket.shadow(push.underlying).send(b"x")

                def send_too() -> None:
                    zmq.Socket(push).send(b"x")

                threads = [threading.Thread(target=work) for work in (send, send_too)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()

    fails(body, "illegal sharing")


def over(transport: str, folder: Path) -> str:
    """An address to bind to."""
    return {"tcp": "tcp://127.0.0.1:*", "ipc": f"ipc://{folder}/socket"}[transport]


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
def test_messages_pass_between_threads(transport: str, tmp_path: Path, control) -> None:
    def body() -> None:
        got: list[bytes] = []
        with zmq.Context() as context, context.socket(zmq.PULL) as pull:
            pull.bind(over(transport, tmp_path))
            address = pull.getsockopt_string(zmq.LAST_ENDPOINT)

            def send(name: bytes) -> None:
                with context.socket(zmq.PUSH) as push:
                    push.connect(address)
                    for _ in range(2):
                        push.send(name)

            threads = [threading.Thread(target=send, args=(name,)) for name in (b"a", b"b")]
            for thread in threads:
                thread.start()
            got.extend(pull.recv() for _ in range(4))
            for thread in threads:
                thread.join()
        assert sorted(got) == [b"a", b"a", b"b", b"b"]

    with control(body) as (run, zeromq):
        for _ in range(30):
            assert run().failures == []
        uses = zeromq.transports_used()
    assert [(use.transport, use.exact, use.settled) for use in uses] == [(transport, False, True)]


def test_sockets_connected_before_the_body_are_known_by_their_last_endpoint(control) -> None:
    with zmq.Context() as context:
        with context.socket(zmq.PULL) as pull, context.socket(zmq.PUSH) as push:
            port = pull.bind_to_random_port("tcp://127.0.0.1")
            push.connect(f"tcp://127.0.0.1:{port}")

            def body() -> None:
                thread = threading.Thread(target=push.send, args=(b"x",))
                thread.start()
                assert pull.recv() == b"x"
                thread.join()
                assert name_of(pull) == f"PULL#1 tcp://127.0.0.1:{port}"

            with control(body) as (run, zeromq):
                failures = [run().failures for _ in range(10)]
                uses = [(use.transport, use.settled) for use in zeromq.transports_used()]
    assert failures == [[]] * 10
    assert uses == [("tcp", True)]


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
def test_a_publisher_that_does_not_wait_loses_messages(transport: str, tmp_path: Path) -> None:
    def body(waits: bool) -> None:
        with zmq.Context() as context, context.socket(zmq.SUB) as sub:
            sub.subscribe(b"")
            sub.bind(over(transport, tmp_path))
            address = sub.getsockopt_string(zmq.LAST_ENDPOINT)

            def send() -> None:
                with context.socket(zmq.XPUB if waits else zmq.PUB) as pub:
                    pub.connect(address)
                    if waits:
                        pub.recv()
                    pub.send(b"x")

            thread = threading.Thread(target=send)
            thread.start()
            sub.rcvtimeo = 1000
            assert sub.recv() == b"x"
            thread.join()

    passes(lambda: body(True), executions=30)
    assert fails(lambda: body(False), "exception", executions=30).type == "Again"


def test_a_peer_that_comes_later_is_waited_for() -> None:
    # The first attempt to connect fails; libzmq tries again after 100 ms of real time.
    def body() -> None:
        with zmq.Context() as context:
            with context.socket(zmq.PULL) as probe:
                port = probe.bind_to_random_port("tcp://127.0.0.1")
            with context.socket(zmq.REQ) as req, context.socket(zmq.REP) as rep:
                req.connect(f"tcp://127.0.0.1:{port}")

                def serve() -> None:
                    rep.bind(f"tcp://127.0.0.1:{port}")
                    rep.send(rep.recv())

                thread = threading.Thread(target=serve)
                thread.start()
                req.send(b"x")
                assert req.recv() == b"x"
                thread.join()

    passes(body, executions=4)


def test_a_wait_for_somebody_elsewhere_ends_with_its_time_out() -> None:
    def body() -> None:
        with zmq.Context() as context, context.socket(zmq.PULL) as probe:
            probe.bind("tcp://127.0.0.1:*")
            with context.socket(zmq.DEALER) as dealer:
                dealer.rcvtimeo = 300_000
                dealer.connect(probe.getsockopt_string(zmq.LAST_ENDPOINT))
                begun = time.monotonic()
                with pytest.raises(zmq.Again):
                    dealer.recv()
                assert 300 <= time.monotonic() - begun < 301

    passes(body, executions=2, patience_s=0.2)


def test_a_message_that_nobody_fetches_holds_up_the_end_of_its_context(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(zeromq_endpoints, "FINITE_LINGER_MS", 50)

    def body(linger_ms: int) -> None:
        context = zmq.Context()
        with context.socket(zmq.PULL) as probe:
            port = probe.bind_to_random_port("tcp://127.0.0.1")
        with context.socket(zmq.PUSH) as push:
            push.linger = linger_ms
            push.connect(f"tcp://127.0.0.1:{port}")
            push.send(b"x")
        begun = time.monotonic()
        context.term()
        assert time.monotonic() - begun < 31

    passes(lambda: body(0), executions=2, patience_s=0.2)
    passes(lambda: body(30_000), executions=2, patience_s=0.2)
    failure = fails(lambda: body(-1), "deadlock", executions=1, patience_s=0.2)
    assert "term Context#1" in failure.waits[0]


def test_a_monitor_works_and_is_waited_for() -> None:
    def body() -> None:
        from zmq.utils.monitor import recv_monitor_message

        with zmq.Context() as context, context.socket(zmq.PULL) as pull:
            with pull.get_monitor_socket(zmq.EVENT_ACCEPTED) as monitor:
                pull.bind("tcp://127.0.0.1:*")
                address = pull.getsockopt_string(zmq.LAST_ENDPOINT)

                def connect() -> None:
                    with context.socket(zmq.PUSH) as push:
                        push.connect(address)
                        push.send(b"x")

                thread = threading.Thread(target=connect)
                thread.start()
                assert recv_monitor_message(monitor)["event"] == zmq.EVENT_ACCEPTED
                assert pull.recv() == b"x"
                thread.join()
                pull.disable_monitor()

    passes(body, executions=20)


def test_a_monitor_hears_what_an_io_thread_does_by_itself() -> None:
    def body() -> None:
        with zmq.Context() as context:
            with context.socket(zmq.PULL) as probe:
                port = probe.bind_to_random_port("tcp://127.0.0.1")
            with context.socket(zmq.PUSH) as push:
                push.reconnect_ivl = 20
                with push.get_monitor_socket(zmq.EVENT_CONNECT_RETRIED) as monitor:
                    push.connect(f"tcp://127.0.0.1:{port}")
                    for _ in range(4):
                        monitor.recv_multipart()
                    push.disable_monitor()

    passes(body, executions=2)


LISTENER = """
import sys, time, zmq
time.sleep(0.2)
with zmq.Context() as context, context.socket(zmq.PUSH) as push:
    push.connect(sys.argv[1])
    push.send(b"from a child process")
"""


def test_a_child_process_that_connects_is_waited_for() -> None:
    def body() -> None:
        with zmq.Context() as context, context.socket(zmq.PULL) as pull:
            pull.bind("tcp://127.0.0.1:*")
            address = pull.getsockopt_string(zmq.LAST_ENDPOINT)
            with subprocess.Popen([sys.executable, "-c", LISTENER, address]):
                assert pull.recv() == b"from a child process"

    passes(body, executions=1, patience_s=10.0)


def test_a_listener_that_nobody_knows_is_a_deadlock_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(zeromq_world, "_has_children", lambda: False)

    def body() -> None:
        with zmq.Context() as context, context.socket(zmq.PULL) as pull:
            pull.bind("tcp://127.0.0.1:*")
            pull.recv()

    begun = time.monotonic()
    fails(body, "deadlock", executions=1, patience_s=60.0)
    assert time.monotonic() - begun < 50  # the patience was not used
