"""ZeroMQ under control: races of real sockets are found, correct programs pass, nothing stays."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
import zmq
import zmq.asyncio

import pytest_racecheck.adapters.zeromq as adapter
import zeromq_twins as twins
from pytest_racecheck import Verdict
from zeromq_twins import explored, fails, passes

FAILING = [
    pytest.param(twins.pair_reconnecting(), "deadlock", id="PAIR, a connection a message"),
    pytest.param(twins.signalling(zmq.SUB, zmq.PUB), "deadlock", id="PUB to SUB"),
    pytest.param(twins.signalling(zmq.PULL, zmq.PUSH), "assertion", id="exit overtakes on PUSH"),
]
PASSING = [
    pytest.param(twins.pair_persistent(), id="one PAIR"),
    pytest.param(twins.push_pull_in_order(senders_first=True), id="PUSH connects first"),
    pytest.param(twins.push_pull_in_order(senders_first=False), id="PULL binds first"),
]


@pytest.mark.parametrize(("body", "kind"), FAILING)
def test_a_race_of_the_sockets_is_reproduced(body: Callable[[], None], kind: str) -> None:
    fails(body, kind, executions=1000)


@pytest.mark.parametrize("body", PASSING)
def test_a_correct_program_is_never_flagged(body: Callable[[], None]) -> None:
    passes(body)
    passes(body, strategy="pct")


@pytest.mark.parametrize(
    ("body", "preemptions"),
    [
        pytest.param(twins.push_pull_in_order(senders_first=True), 1, id="PUSH connects first"),
        pytest.param(twins.push_pull_in_order(senders_first=False), 1, id="PULL binds first"),
        pytest.param(twins.pair_persistent(), 2, id="one PAIR"),
    ],
)
def test_a_correct_program_is_ruled_out_within_a_bound(
    body: Callable[[], None], preemptions: int
) -> None:
    finding = explored(body, strategy="bounded", preemptions=preemptions, executions=20_000)
    assert finding.verdict is Verdict.RULED_OUT, finding.report()


def test_waiting_for_the_subscription_loses_nothing() -> None:
    # The exit message still overtakes the others, so only one sender tells the two apart.
    def body() -> None:
        received: list[bytes] = []
        with zmq.Context() as context, context.socket(zmq.SUB) as sub:
            sub.subscribe(b"")
            sub.bind(twins.ADDRESS)

            def send() -> None:
                with context.socket(zmq.XPUB) as xpub:
                    xpub.connect(twins.ADDRESS)
                    xpub.recv()
                    for sequence in range(3):
                        xpub.send(b"%d" % sequence)

            thread = threading.Thread(target=send)
            thread.start()
            received.extend(sub.recv() for _ in range(3))
            thread.join()
        assert received == [b"0", b"1", b"2"]

    passes(body)


def test_without_waiting_for_the_subscription_messages_are_lost() -> None:
    def body() -> None:
        with zmq.Context() as context, context.socket(zmq.SUB) as sub:
            sub.subscribe(b"")
            sub.bind(twins.ADDRESS)

            def send() -> None:
                with context.socket(zmq.PUB) as pub:
                    pub.connect(twins.ADDRESS)
                    pub.send(b"0")

            thread = threading.Thread(target=send)
            thread.start()
            assert sub.recv() == b"0"
            thread.join()

    fails(body, "deadlock")


@pytest.mark.parametrize("body", [twins.pair_reconnecting(), twins.signalling(zmq.PULL, zmq.PUSH)])
def test_a_schedule_over_inproc_is_the_same_every_time(body: Callable[[], None], outcomes) -> None:
    assert outcomes(body, 120) == outcomes(body, 120)


def test_inproc_is_exact(control) -> None:
    with control(twins.pair_reconnecting()) as (run, zeromq):
        for _ in range(20):
            run()
        assert [(t.transport, t.exact) for t in zeromq.transports_used()] == [("inproc", True)]


def test_every_attribute_is_put_back() -> None:
    owners = [zmq.Socket, zmq.Context, zmq.MessageTracker, zmq.Poller, zmq, zmq.backend]
    owners += [module for name, module in sys.modules.items() if name.startswith("zmq.sugar")]
    before = [dict(vars(owner)) for owner in owners]
    with adapter.control_zeromq():
        inside = [dict(vars(owner)) for owner in owners]
        assert inside[0]["send"] is not before[0]["send"]
        assert "recv" in inside[0]
        assert "recv" not in before[0]
    after = [dict(vars(owner)) for owner in owners]
    for was, now in zip(before, after, strict=True):
        assert was.keys() == now.keys()
        assert all(now[name] is value for name, value in was.items())


def test_finalisers_are_not_replaced() -> None:
    finalisers = [zmq.Socket.__del__, zmq.Context.__del__]
    with adapter.control_zeromq():
        assert [zmq.Socket.__del__, zmq.Context.__del__] == finalisers


def test_threads_that_are_not_under_control_keep_the_real_thing() -> None:
    with adapter.control_zeromq():
        body = twins.push_pull_in_order(senders_first=False)
        body()  # not explored: this very thread is not a task


def test_a_partner_that_is_not_under_control_is_waited_for_and_told(control) -> None:
    def echo() -> None:
        while (message := far.recv()) != b"":
            far.send(message)

    def body() -> None:
        near.send(b"there and back")
        assert near.recv() == b"there and back"

    with zmq.Context() as context:
        with context.socket(zmq.PAIR) as far, context.socket(zmq.PAIR) as near:
            far.bind(twins.ADDRESS)
            near.connect(twins.ADDRESS)
            thread = threading.Thread(target=echo)
            thread.start()
            with control(body) as (run, zeromq):
                failures = [run().failures for _ in range(3)]
                uses = [(use.transport, use.exact) for use in zeromq.transports_used()]
            near.send(b"")
            thread.join()
    assert failures == [[], [], []]
    assert uses == [("inproc", False)]


def test_an_event_loop_may_be_one_of_the_tasks() -> None:
    def body() -> None:
        got: list[bytes] = []

        async def talk(context: zmq.Context[Any]) -> None:
            with zmq.asyncio.Context(context).socket(zmq.PAIR) as right:
                right.connect(twins.ADDRESS)
                await right.send(b"from the loop")
                got.append(await right.recv())

        with zmq.Context() as context, context.socket(zmq.PAIR) as left:
            left.bind(twins.ADDRESS)
            thread = threading.Thread(target=lambda: asyncio.run(talk(context)))
            thread.start()
            left.send(left.recv().upper())
            thread.join()
        assert got == [b"FROM THE LOOP"]

    passes(body, executions=50)


@pytest.mark.parametrize(
    "body",
    [
        twins.pair_reconnecting(),
        twins.push_pull_in_order(senders_first=True),
        twins.signalling(zmq.SUB, zmq.PUB),
    ],
    ids=["deadlocks", "passes", "both"],
)
def test_many_executions_leak_no_file_descriptor_and_no_thread(control, body) -> None:
    with control(body) as (run, _):
        for _ in range(20):  # the pool of threads grows to what the body needs
            run()
        gc.collect()
        before = (len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task")))
        for _ in range(334):  # a thousand, over the three bodies
            run()
        gc.collect()
        after = (len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task")))
    assert after == before
