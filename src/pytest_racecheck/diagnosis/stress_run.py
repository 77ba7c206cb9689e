"""What the child of a stress does: one run after the other, each told as soon as it has ended."""

from __future__ import annotations

import json
import math
import random
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import Any

from pytest_racecheck.diagnosis.wire import pack_stop
from pytest_racecheck.engine.failure import stops_the_test
from pytest_racecheck.errors import UsageError
from pytest_racecheck.faults.ledger import begin_run, counting
from pytest_racecheck.free.child import Failures
from pytest_racecheck.free.messages import write_all

#: Makes one whole run; raises what it fails with.
Once = Callable[[], object]


def together(
    body: Callable[..., object],
    threads: int,
    setup: Callable[[], Any] | None,
    check: Callable[[Any], object] | None,
) -> Once:
    """A run: ``threads`` threads that wait for each other and then call ``body``."""

    def once() -> None:
        given = () if setup is None else (setup(),)
        at_once(lambda: body(*given), threads)
        if check is not None:
            check(*given)

    prepare = getattr(body, "begin_anew", None)
    if prepare is not None:
        once.begin_anew = prepare  # type: ignore[attr-defined]
    return once


def at_once(call: Callable[[], object], threads: int) -> None:
    """Call it in ``threads`` threads that begin together; raises the first error."""
    begin = threading.Barrier(threads)
    errors: list[BaseException] = []

    def run() -> None:
        begin.wait()
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - raised below, in the caller's thread
            errors.append(error)

    started = [threading.Thread(target=run, name=f"stress-{n}") for n in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    if errors:
        raise errors[0]


def make_runs(
    once: Once,
    numbers: Sequence[int],
    how: tuple[tuple[float, float], int, float],
    story: int,
    progress: Callable[[int], None],
) -> dict[str, Any]:
    """Make the runs of these numbers; a failed one is a line in ``story``.

    ``how`` is the interval to draw from, the seed, and how many seconds there are.  ``progress``
    hears how many have ended.  Returns what was injected, or what stops the whole test.
    """
    interval_s, seed, seconds = how
    begun = time.monotonic()
    getattr(once, "begin_anew", lambda _: None)(1)
    for made, number in enumerate(numbers, 1):
        with counting() as ledger:
            try:
                failed = _one_run(once, number, f"{seed}/{number}", interval_s)
            except BaseException as stop:  # noqa: BLE001 - raised again, in the parent
                return pack_stop(stop)
            _tell(story, {"injected": ledger.told()})
        if failed is not None:
            _tell(story, {"failed": failed})
        progress(made)
        if time.monotonic() - begun >= seconds:
            break
    return {}


def _tell(story: int, line: dict[str, Any]) -> None:
    write_all(story, json.dumps(line).encode("ascii") + b"\n")


def _one_run(
    once: Once, number: int, seed: str, interval_s: tuple[float, float]
) -> dict[str, Any] | None:
    failures = Failures(())
    threading.excepthook = failures.from_thread
    random.seed(seed)
    begin_run(number)
    low, high = interval_s
    drawn_s = math.exp(random.Random(seed).uniform(math.log(low), math.log(high)))
    kind = "exception"
    try:
        with switching_every(drawn_s):
            once()
            _wait_for_threads()
    except BaseException as error:
        if stops_the_test(error) or isinstance(error, (KeyboardInterrupt, UsageError)):
            raise
        kind = "assertion" if isinstance(error, AssertionError) else kind
        failures.first = None  # what the test itself says goes before what its threads said
        failures.add(error, error.__traceback__, threading.current_thread().name)
    first = failures.first
    if first is None:
        return None
    kind = "assertion" if first["type"] == "AssertionError" else kind
    told = {name: first[name] for name in ("type", "message", "where")}
    return {"run": number, "kind": kind, **told, "text": first["traceback"]}


@contextmanager
def switching_every(seconds: float) -> Any:
    """Let the interpreter change threads so often; then as before."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(seconds)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _wait_for_threads() -> None:
    """Those of the run that nobody joined; the parent's deadline makes a hang of it."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
