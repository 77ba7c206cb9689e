"""A real process that is frozen, thawed and killed, and the clients that bear its silence."""

from __future__ import annotations

import contextlib
import select
import signal
import subprocess
import sys
import threading

import pytest

from pytest_racecheck import freeze, kill, probe
from pytest_racecheck.errors import Misplaced, NeverFired
from pytest_racecheck.faults.processes import state_of
from two_modes import controlled, free

ECHO = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"


@pytest.fixture
def echo():
    """A process that echoes lines; it is gone afterwards."""
    process = subprocess.Popen(
        [sys.executable, "-S", "-c", ECHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    process.stdin.write(b"ready\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"ready\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()
    with contextlib.suppress(BrokenPipeError):  # what it did not take is still to be written
        process.stdin.close()


class Client:
    """Asks, and says so at a probe."""

    def __init__(self, process):
        self.process = process

    def ask(self, patience_s):
        probe("about to ask")
        self.process.stdin.write(b"hello\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], patience_s)
        return self.process.stdout.readline() if ready else None


def test_a_frozen_process_does_not_answer_until_it_is_thawed(echo):
    with freeze(echo) as frozen:
        assert state_of(echo.pid) == "T"
        assert Client(echo).ask(patience_s=0.05) is None
    assert state_of(echo.pid) != "T"
    assert echo.stdout.readline() == b"hello\n"
    frozen.thaw()  # a second time is nothing


def test_it_goes_on_whatever_happens_meanwhile(echo):
    with pytest.raises(ZeroDivisionError), freeze(echo.pid):
        raise ZeroDivisionError
    assert state_of(echo.pid) != "T"


def test_a_freeze_at_a_place_is_over_when_the_place_is_left(echo):
    with freeze(lambda: echo, 0.01, where="about to ask") as frozen:
        assert Client(echo).ask(patience_s=10) == b"hello\n"
    assert frozen.fired == 1
    assert state_of(echo.pid) != "T"


@pytest.mark.parametrize("run", [controlled, free])
def test_in_both_modes_the_caller_waits_by_its_own_clock(run, echo):
    def body():
        thread = threading.Thread(target=freeze, args=(echo, 0.001))
        thread.start()
        thread.join()
        assert state_of(echo.pid) != "T"

    assert run(body) is None


def test_killed_at_a_place_it_answers_no_more(echo):
    with kill(echo, where="about to ask") as killed:
        with contextlib.suppress(BrokenPipeError):  # it may take its last moment to go
            Client(echo).ask(patience_s=0.01)
        assert echo.wait() == -signal.SIGKILL
        with pytest.raises(BrokenPipeError):
            Client(echo).ask(patience_s=0.01)
    assert killed.fired == 1


def test_killed_at_once_by_another_signal(echo):
    kill(echo.pid, signal.SIGTERM)
    assert echo.wait() == -signal.SIGTERM


def test_a_process_that_has_ended_is_said_to_have_ended(echo):
    kill(echo)
    echo.wait()
    with pytest.raises(Misplaced, match="there is none of this number"):
        freeze(echo.pid)


def test_a_kill_at_a_place_that_is_not_reached_is_an_error(echo):
    with pytest.raises(NeverFired):
        with kill(echo, where="nowhere"):
            pass
    assert echo.poll() is None
