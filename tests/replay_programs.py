"""One small program for each way to fail, for tests and for the processes that they start."""

from __future__ import annotations

import json
import queue
import sys
import threading
import time


def _together(*functions):
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def assertion():
    """Two threads add to a counter in two steps."""
    count, lock = {"value": 0}, threading.Lock()

    def add():
        with lock:
            seen = count["value"]
        with lock:
            count["value"] = seen + 1

    _together(add, add)
    assert count["value"] == 2, "an update is lost"


def exception():
    """Two threads look for an item before they take it, and one comes too late."""
    items = queue.Queue()
    items.put("only one")

    def take():
        if not items.empty():
            items.get_nowait()

    _together(take, take)


def deadlock():
    """Two threads take two locks in opposite orders."""
    one, other = threading.Lock(), threading.RLock()

    def forwards():
        with one, other:
            pass

    def backwards():
        with other, one:
            pass

    _together(forwards, backwards)


def lost_wake_up():
    """The notification comes before the one who waits for it."""
    changed = threading.Condition()

    def wait():
        with changed:
            changed.wait()

    def wake():
        with changed:
            changed.notify()

    _together(wait, wake)


def livelock():
    """Two polite threads let each other go first, for ever."""
    one, other = threading.Lock(), threading.Lock()

    def pass_through(mine, theirs):
        while True:
            with mine:
                if theirs.acquire(False):
                    theirs.release()
                    return

    _together(lambda: pass_through(one, other), lambda: pass_through(other, one))


def time_out():
    """An answer that takes about as long as the one who waits for it is willing to wait."""
    answers = queue.Queue()

    def serve():
        time.sleep(1.0)
        answers.put("here you are")

    def ask():
        answers.get(timeout=1.2)

    _together(serve, ask)


def torn_data():
    """A race of plain data, which only points at accesses can find."""

    class Account:
        balance = 0

        def deposit(self):
            self.balance += 10

    account = Account()
    _together(account.deposit, account.deposit)
    assert account.balance == 20, "money is lost"


#: name -> (program, kind of failure, where control is possible)
PROGRAMS = {
    "assertion": (assertion, "assertion", "sync"),
    "exception": (exception, "exception", "sync"),
    "deadlock": (deadlock, "deadlock", "sync"),
    "lost wake-up": (lost_wake_up, "lost wake-up", "sync"),
    "livelock": (livelock, "livelock", "sync"),
    "time-out": (time_out, "exception", "sync"),
    "torn data": (torn_data, "assertion", "access"),
    "deadlock, accesses too": (deadlock, "deadlock", "access"),
    "exception, accesses too": (exception, "exception", "access"),
}
#: A loop without end is told by the step limit; a small one keeps the tests quick.
MAX_STEPS = 200


def main() -> None:
    """Replay the schedules that come in, and hand the reports out: both by name, as JSON."""
    from pytest_racecheck import replay

    reports = {}
    for name, schedule in json.load(sys.stdin).items():
        program, _, points = PROGRAMS[name]
        finding = replay(program, schedule, points=points, max_steps=MAX_STEPS)
        reports[name] = finding.report()
    json.dump({"python": sys.version_info[:2], "reports": reports}, sys.stdout)


if __name__ == "__main__":
    main()
