"""Handlers of signals run where the engine is whole: never between a choice and its gate."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from pytest_racecheck import explore
from pytest_racecheck.engine.signals import POKE, Signals


class Stop(Exception):
    """Raised by a handler."""


@pytest.fixture
def usr1(request):
    """Installs a handler of SIGUSR1 for the time of a test."""
    before = signal.getsignal(signal.SIGUSR1)

    def install(handler):
        signal.signal(signal.SIGUSR1, handler)

    yield install
    signal.signal(signal.SIGUSR1, before)


def raises(number, frame):
    raise Stop


def test_handlers_are_as_before_afterwards(usr1):
    usr1(raises)
    before = [signal.getsignal(number) for number in signal.valid_signals()]
    with Signals():
        assert signal.getsignal(signal.SIGUSR1) is not raises
    assert [signal.getsignal(number) for number in signal.valid_signals()] == before


def test_a_handler_that_the_body_installed_does_not_stay(usr1):
    usr1(raises)

    def body():
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)

    explore(body)
    assert signal.getsignal(signal.SIGUSR1) is raises


def test_a_signal_in_the_users_code_is_heard_at_once(usr1):
    seen = []
    usr1(lambda *_: seen.append(1))
    with Signals() as signals:
        os.kill(os.getpid(), signal.SIGUSR1)
        assert seen == [1]
        assert signals.waiting == []


def test_what_a_handler_raises_ends_an_exploration_and_is_no_failure(usr1):
    usr1(raises)

    def body():
        threading.Thread(target=lambda: None).start()
        os.kill(os.getpid(), signal.SIGUSR1)

    with pytest.raises(Stop):
        explore(body)


def test_a_body_may_catch_what_a_handler_raises(usr1):
    usr1(raises)

    def body():
        with pytest.raises(Stop):
            send_and_wait()

    def send_and_wait():
        os.kill(os.getpid(), signal.SIGUSR1)
        while True:
            len("")

    assert explore(body).failure is None


def test_a_signal_for_a_body_that_waits_is_heard_while_it_waits(usr1):
    """The body is parked at its gate; the task that moves sends the signal."""
    usr1(raises)

    def send():
        os.kill(os.getpid(), signal.SIGUSR1)
        for _ in range(1000):
            threading.Lock().acquire()

    def body():
        sender = threading.Thread(target=send)
        sender.start()
        sender.join()

    with pytest.raises(Stop):
        explore(body)


@pytest.mark.threads_only
def test_a_handler_that_does_not_raise_changes_no_schedule(usr1):
    seen = []
    usr1(lambda *_: seen.append(1))
    order = []

    def body():
        order.clear()

        def work(n):
            for _ in range(3):
                os.kill(os.getpid(), signal.SIGUSR1)
                with lock:
                    order.append(n)

        lock = threading.Lock()
        threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(order) == [0, 0, 0, 1, 1, 1]

    finding = explore(body, strategy="random", executions=100)
    assert finding.failure is None
    assert finding.grade == "statistical"  # nothing diverged when executions were run twice
    assert len(seen) >= 100


def test_a_signal_between_executions_is_heard_before_the_next(usr1):
    usr1(raises)
    with pytest.raises(Stop), Signals() as signals:
        signals.waiting.append((raises, signal.SIGUSR1))
    assert signals.waiting == []


def test_another_thread_than_the_main_one_leaves_handlers_alone(usr1):
    usr1(raises)
    seen = []

    def look():
        with Signals() as signals:
            seen.extend([signals.in_charge, signal.getsignal(signal.SIGUSR1) is raises])
            seen.append(signals.poke(threading.get_ident()))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [False, True, False]


def test_explore_works_in_another_thread():
    found = []

    def work():
        box = [0]

        def body():
            box[0] = 0

            def add():
                box[0] += 1

            threads = [threading.Thread(target=add) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert box[0] == 2

        found.append(explore(body))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found[0].verdict == "reproduced"


def test_the_poke_is_a_signal_that_does_nothing_by_itself():
    assert POKE is not None
    assert signal.getsignal(POKE) in (signal.SIG_DFL, None)
    os.kill(os.getpid(), POKE)


def test_a_tracer_is_back_after_a_body_had_to_be_traced_out():
    import sys

    def tracer(frame, event, arg):
        return None

    swallowed = []

    def body():
        event = threading.Event()
        while True:
            try:
                event.wait()
            except BaseException as error:  # noqa: BLE001 - that is what is under test
                swallowed.append(type(error))

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        finding = explore(body, patience_s=0.2, replays=1)
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)
    assert finding.failure.kind == "deadlock"


@pytest.mark.parametrize("times", range(3))
def test_a_handler_of_the_body_may_touch_shared_data_while_the_body_waits(usr1, times):
    lock = threading.Lock()

    def body():
        got = []

        def handler(*_):
            with lock:
                got.append(1)

        usr1(handler)
        sender = threading.Thread(target=lambda: os.kill(os.getpid(), signal.SIGUSR1))
        other = threading.Thread(target=lambda: got)
        for thread in (sender, other):
            thread.start()
        for thread in (sender, other):
            thread.join()
        assert got == [1]

    finding = explore(body, seconds=5, executions=50)
    assert finding.failure is None, finding.report()
    assert not any("control was lost" in warning for warning in finding.warnings)
