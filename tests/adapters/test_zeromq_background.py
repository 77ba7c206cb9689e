"""libzmq's background threads: found, awaited, given back; and honest where they cannot be seen."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
import zmq

from pytest_racecheck.adapters import zeromq_background
from pytest_racecheck.adapters.zeromq_background import MAX_UNSETTLED, Background
from pytest_racecheck.engine import clock


def watched() -> int:
    """How many background threads this process has an open file of."""
    links = Path("/proc/self/fd").iterdir()
    return sum(link.is_symlink() and "/task/" in os.readlink(link) for link in links)


def test_a_closed_socket_is_taken_apart_once_the_reaper_sleeps() -> None:
    background = Background()
    with zmq.Context() as context:
        push = background.watch_start(lambda: context.socket(zmq.PUSH), surely=True)
        push.bind("inproc://settled")
        for _ in range(200):
            pull = context.socket(zmq.PULL)
            pull.connect("inproc://settled")
            assert push.get(zmq.EVENTS) & zmq.POLLOUT
            pull.close()
            assert background.settle_reapers()
            assert not push.get(zmq.EVENTS) & zmq.POLLOUT
        push.close()
    background.close()
    assert background.unsettled == 0


def test_a_message_over_tcp_has_arrived_once_all_threads_sleep() -> None:
    background = Background()
    with zmq.Context() as context:
        pull = background.watch_start(lambda: context.socket(zmq.PULL), surely=True)
        port = pull.bind_to_random_port("tcp://127.0.0.1")
        with context.socket(zmq.PUSH) as push:
            push.connect(f"tcp://127.0.0.1:{port}")
            for _ in range(100):
                push.send(b"x")
                assert background.settle_all()
                assert pull.recv(zmq.NOBLOCK) == b"x"
        pull.close()
    background.close()


def test_file_descriptors_are_given_back_when_threads_have_ended() -> None:
    background = Background()
    before = watched()  # with those of contexts that were there before, as pyzmq's own
    with zmq.Context() as context:
        background.watch_start(lambda: context.socket(zmq.PUSH), surely=True).close()
        assert watched() > before
    deadline_s = time.monotonic() + 10  # who was joined is listed by the system a moment longer
    while watched() > before and time.monotonic() < deadline_s:
        background.forget_ended()
    assert watched() == before


def test_a_thread_that_never_sleeps_is_given_up_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zeromq_background, "LIMIT_S", 0.01)
    stop = threading.Event()

    def spin() -> None:
        while not stop.is_set():
            sum(range(1000))

    background = Background()
    busy = background.watch_start(lambda: threading.Thread(target=spin), surely=False)
    background.watch_start(busy.start, surely=True)
    try:
        settled = [background.settle_all() for _ in range(MAX_UNSETTLED + 3)]
    finally:
        stop.set()
        busy.join()
        background.close()
    assert settled.count(True) < len(settled)


def test_nothing_is_settled_where_threads_cannot_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zeromq_background, "_TASKS", "/nowhere")
    background = Background()
    with zmq.Context() as context:
        background.watch_start(lambda: context.socket(zmq.PUSH), surely=True).close()
        assert not background.settle_reapers()
        assert not background.settle_all()


def test_giving_up_costs_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = []
    monkeypatch.setattr(zeromq_background, "_all_asleep", lambda *_: waits.append(1))
    background = Background()
    for _ in range(100):
        assert not background.settle_all()
    assert len(waits) == MAX_UNSETTLED
    assert clock.real_monotonic_s() > 0
