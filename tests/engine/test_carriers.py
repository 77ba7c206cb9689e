"""Which carrier a search gets, what makes it threads, and that a hang on greenlets is no hang."""

from __future__ import annotations

import importlib
import os
import selectors
import signal
import socket
import sys
import threading

import pytest

from pytest_racecheck import Verdict, explore
from pytest_racecheck.engine import carrier, clock, execution
from pytest_racecheck.engine.carriers import FIRST_ON_THREADS
from pytest_racecheck.engine.native_code import of_code
from pytest_racecheck.errors import UsageError
from twins import together

pytestmark = pytest.mark.asks_for_carriers

#: Enough for ``auto`` to get from threads to greenlets.
ENOUGH = FIRST_ON_THREADS + 15


def found(body, **plan):
    given = {"points": "sync", "strategy": "random", "executions": ENOUGH, "patience_s": 0.3}
    return explore(body, **{**given, **plan})


def take_a_lock():
    with threading.Lock():
        pass


def plain():
    together(take_a_lock, take_a_lock)


def test_a_body_that_needs_no_threads_ends_on_greenlets():
    assert found(plain, carrier="auto").carrier == "greenlets"


def test_a_small_search_never_leaves_threads():
    assert found(plain, carrier="auto", executions=FIRST_ON_THREADS - 5).carrier == "threads"


@pytest.mark.parametrize("carrier", ["threads", "greenlets"])
def test_a_carrier_that_is_asked_for_is_had(carrier):
    assert found(plain, carrier=carrier).carrier == carrier


def test_the_default_is_auto():
    assert found(plain).carrier == "greenlets"


# ------------------------------------------------------------------------------- what needs threads


class Late:
    """A body that does something special in one execution: the first, or one on greenlets."""

    def __init__(self, special, late):
        self.special = special
        self.left = FIRST_ON_THREADS + 5 if late else 0

    def __call__(self):
        self.left -= 1
        together(self.special if self.left == -1 else take_a_lock, take_a_lock)


def send_a_signal():
    os.kill(os.getpid(), signal.SIGUSR1)


def start_a_foreign_thread():
    begun = carrier.allocate_gate()
    carrier.raw_acquire(begun)
    carrier._raw_start(_live_for_a_while, (begun,))
    carrier.raw_acquire(begun)


def _live_for_a_while(begun):
    threading.current_thread()  # makes Python know it
    carrier.raw_release(begun)
    clock.real_sleep_s(0.5)


def fork():
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def wait_for_a_socket():
    here, there = socket.socketpair()
    with here, there, selectors.DefaultSelector() as selector:
        selector.register(here, selectors.EVENT_READ)
        selector.register(there, selectors.EVENT_READ)
        there.send(b"x")
        selector.select(1)


NEEDS = {
    "a signal": (send_a_signal, "a signal handler ran"),
    "a foreign thread": (start_a_foreign_thread, "was not under control"),
    "a fork": (fork, "forked a process"),
    "a selector": (wait_for_a_socket, "a selector waits"),
}


@pytest.fixture
def heard(monkeypatch):
    """Signals are heard, and do nothing."""
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    yield
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("late", [False, True], ids=["at once", "late"])
@pytest.mark.parametrize("need", NEEDS)
def test_what_needs_threads_gets_them(heard, need, late):
    special, says = NEEDS[need]
    finding = found(Late(special, late), carrier="auto")
    assert finding.carrier.startswith("threads (")
    assert says in finding.carrier


def test_a_tracer_is_not_silenced():
    seen = []

    def tracer(frame, event, arg):
        seen.append(frame.f_code.co_name)

    before = sys.gettrace()
    set_tracer = vars(sys)["settrace"]  # not by its name, which alone would mean threads
    set_tracer(tracer)
    threading._trace_hook = tracer
    try:
        finding = found(plain)
    finally:
        set_tracer(before)
        threading._trace_hook = None
    assert finding.carrier == "threads (a tracer is active (coverage, a debugger))"
    assert seen.count("take_a_lock") >= ENOUGH * 2


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring is from 3.12 on")
def test_a_monitoring_tool_is_not_silenced():
    sys.monitoring.use_tool_id(3, "spy")
    try:
        assert found(plain).carrier == "threads ('spy' uses sys.monitoring)"
    finally:
        sys.monitoring.free_tool_id(3)
    assert found(plain).carrier == "greenlets"


CODE = """
import {module}

class Store:
    def get(self):
        return {expression}
"""


@pytest.mark.parametrize(
    ("module", "expression", "named"),
    [
        ("threading", "1", None),
        ("sqlite3", "1", "sqlite3"),
        ("sys", "sys." + "_current_frames()", "_current_frames"),
        ("queue", "__import__('queue')", None),
    ],
)
def test_code_that_refers_to_native_threads_is_known_by_its_names(
    tmp_path, monkeypatch, module, expression, named
):
    (tmp_path / "stores.py").write_text(CODE.format(module=module, expression=expression))
    (tmp_path / "using.py").write_text("from stores import Store")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("using")
    reason = of_code((str(tmp_path / "using.py"),), lambda file: file.startswith(str(tmp_path)))
    for name in ("using", "stores"):
        del sys.modules[name]
    assert reason == (named and f"the code refers to {named}, which knows OS threads")


# ------------------------------------------------------------------------------ threads bear it out


def on_greenlets():
    return execution.active is not None and execution.active.pool.on_greenlets


def fail_on_greenlets():
    take_a_lock()
    assert not on_greenlets()


def pass_on_greenlets():
    if not on_greenlets():
        take_a_lock()


@pytest.mark.parametrize("differs", [fail_on_greenlets, pass_on_greenlets])
def test_what_greenlets_alone_show_does_not_count(differs):
    def body():
        together(differs, take_a_lock)

    finding = found(body, carrier="auto", executions=FIRST_ON_THREADS * 6)
    assert finding.failure is None
    assert finding.executions == FIRST_ON_THREADS * 6
    assert finding.carrier == (
        "threads (an execution went another way on threads than on greenlets)"
    )


# -------------------------------------------------------------------------------- without greenlet


@pytest.fixture
def without_greenlet(monkeypatch):
    """As in an environment where the package is missing."""
    monkeypatch.setitem(sys.modules, "greenlet", None)
    monkeypatch.delitem(sys.modules, "pytest_racecheck.engine.greenlets", raising=False)


def test_without_the_package_auto_is_threads(without_greenlet):
    finding = found(plain, carrier="auto")
    assert finding.carrier == (
        "threads (the package greenlet is not installed; run: pip install greenlet)"
    )


def test_without_the_package_greenlets_are_refused_with_the_command(without_greenlet):
    with pytest.raises(UsageError, match=r"carrier='greenlets': .*; run: pip install greenlet"):
        explore(plain, carrier="greenlets")


def test_where_thread_local_data_cannot_follow_auto_is_threads(monkeypatch):
    monkeypatch.setattr("pytest_racecheck.engine.greenlets.data_follows", lambda: False)
    assert "thread-local data" in found(plain, carrier="auto").carrier


def test_an_unknown_carrier_is_refused():
    with pytest.raises(UsageError, match="carrier='donkeys': expected one of auto, threads"):
        explore(plain, carrier="donkeys")


# ------------------------------------------------------------------------- a task holds all others


WAITED_FOR = []


@pytest.fixture(autouse=True)
def nobody_waits_afterwards():
    """A thread that waits natively, and was abandoned, ends: later tests are not to find it."""
    yield
    while WAITED_FOR:
        WAITED_FOR.pop().close()


def block_natively():
    here, there = socket.socketpair()
    WAITED_FOR.append(there)
    with here:
        here.recv(1)


def spin():
    while True:
        pass


def spin_and_swallow():
    while True:
        try:
            while True:
                pass
        except BaseException as error:  # noqa: BLE001
            del error


HANGS = [block_natively, spin]


@pytest.mark.parametrize("hang", HANGS)
def test_a_late_hang_is_noticed_moved_to_threads_and_named(hang):
    finding = found(Late(hang, late=True), carrier="auto")
    assert finding.verdict == Verdict.INCONCLUSIVE
    assert f"main/0 (Thread-1 ({hang.__name__})) did not come back" in finding.carrier
    assert any(
        text.startswith("moved from greenlets to threads: ") and hang.__name__ in text
        for text in finding.warnings
    )
    assert finding.executions == ENOUGH  # on threads it did not happen again


@pytest.mark.parametrize("hang", HANGS)
def test_a_hang_from_the_beginning_is_named_as_on_threads(hang):
    def body():
        together(hang, take_a_lock)

    finding = found(body, carrier="auto", executions=5)
    assert "did not come back within 0.3 s" in finding.reason
    assert finding.carrier.startswith("threads (main/0")


@pytest.mark.parametrize("hang", [*HANGS, spin_and_swallow])
def test_a_hang_on_greenlets_that_were_asked_for_is_named(hang):
    def body():
        together(hang, take_a_lock)

    finding = found(body, carrier="greenlets", executions=5)
    assert finding.verdict == Verdict.INCONCLUSIVE
    assert f"main/0 (Thread-1 ({hang.__name__})) did not come back within 0.3 s" in finding.reason
    assert found(plain, carrier="greenlets").warnings == ()


def test_a_hang_in_a_search_outside_the_main_thread_is_named_too():
    told = []

    def body():
        together(spin, take_a_lock)

    thread = threading.Thread(
        target=lambda: told.append(found(body, carrier="greenlets", executions=5))
    )
    thread.start()
    thread.join()
    assert "did not come back within 0.3 s" in told[0].reason
