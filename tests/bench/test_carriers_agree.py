"""The same schedule text gives the same execution, failure and report on threads and greenlets."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import pytest
from tests.bench import programs
from tests.bench.sctbench import programs as sctbench

from pytest_racecheck import replay
from pytest_racecheck.diagnosis.control import controlled_runner
from pytest_racecheck.diagnosis.plan import Plan
from pytest_racecheck.engine.carriers import Carriers
from pytest_racecheck.engine.execution import Execution
from pytest_racecheck.engine.explore import Runner, kept_choices
from pytest_racecheck.engine.schedule import Schedule, record
from pytest_racecheck.engine.strategies.random_walk import RandomWalk
from pytest_racecheck.engine.trace import Step, Trace

TEXTS, QUICK_TEXTS = 10_000, 400
LOCAL = threading.local()


def together(*work: Callable[[], object]) -> None:
    threads = [threading.Thread(target=one) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def hold(true: bool, otherwise: str) -> None:
    """An assertion whose text has no addresses in it, which pytest would put there."""
    if not true:
        raise AssertionError(otherwise)


def numbered_by_thread() -> None:
    """A dictionary by the number of the thread, which is used again when one has ended."""
    seen: dict[int, list[int]] = {}

    def note(number: int) -> None:
        seen.setdefault(threading.get_ident(), []).append(number)

    for number in range(2):
        together(partial(note, number), partial(note, number + 2))
    hold(len(seen) == 2, "three threads had a number of their own")


def kept_by_thread() -> None:
    """What a thread keeps for itself is asked for by a job that another worker may get."""
    with ThreadPoolExecutor(2) as pool:
        pool.submit(setattr, LOCAL, "value", 1)
        hold(pool.submit(getattr, LOCAL, "value", 0).result() == 1, "another worker got it")


def owned_twice() -> None:
    """An RLock is taken again, a condition on it notified by who may not hold it."""
    condition = threading.Condition()
    done: list[int] = []

    def wait() -> None:
        with condition, condition:
            hold(condition.wait(1.0), "nobody came")
            done.append(1)

    def notify() -> None:
        with condition:
            condition.notify()

    together(wait, notify)


def timed() -> None:
    """Timers, semaphores and queues with time-outs."""
    jobs: queue.Queue[int] = queue.Queue()
    few = threading.Semaphore(1)

    def get() -> None:
        with few:
            jobs.get(timeout=0.3)

    timer = threading.Timer(0.3, jobs.put, (1,))
    timer.start()
    together(get)


def judged(body: Callable[[], object]) -> None:
    """A bench program says whether it went well; here it fails when it did not."""
    hold(body() is not False, "wrong")


OWN = (numbered_by_thread, kept_by_thread, owned_twice, timed)
BODIES: dict[str, Callable[[], object]] = {
    **{name: partial(judged, one.body) for name, one in programs.PROGRAMS.items()},
    **{body.__name__: body for body in OWN},
    **{name: one.broken for name, one in sctbench.PROGRAMS.items() if "safestack" not in name},
}
QUICK = [*programs.PROGRAMS, *(body.__name__ for body in OWN), "account", "stack", "lost_wakeup"]


def plan_of(body: Callable[[], object], carrier: str = "threads") -> Plan:
    return Plan(carrier=carrier, seconds=60, max_steps=5000)


@contextmanager
def on_both(body: Callable[[], object]) -> Iterator[tuple[Runner, dict[str, Carriers]]]:
    both = {name: Carriers(name) for name in ("threads", "greenlets")}
    with controlled_runner(body, plan_of(body)) as runner:
        try:
            yield runner, both
        finally:
            for one in both.values():
                one.retire()


def texts_of(runner: Runner, texts: int) -> Iterator[Schedule]:
    """The schedules of random executions, and each cut short, so that it is left."""
    for number, decider in enumerate(RandomWalk(7).deciders()):
        if number >= texts:
            return
        execution = runner.execute(decider)
        choices = kept_choices(execution)
        yield Schedule.parse(record("random", choices[: -number % 4 or None]).text())


def told(execution: Execution, trace: Trace) -> tuple[object, ...]:
    failures = [
        (one.identity, one.message, one.task, one.waits, one.cycle) for one in execution.failures
    ]
    return (
        execution.decisions,
        failures,
        str(execution.divergence),
        execution.cut_off,
        (execution.steps, execution.preemptions, execution.now_s),
        [task.path + task.name for task in execution.tasks],
        (execution.lost, execution.abandoned, execution.uncontrolled),
        [without_numbers(step) for step in trace.steps],
    )


def without_numbers(step: Step) -> Step:
    """An object is numbered by its address, which one that died may have had before it, on threads
    as well: what is touched, and how many locks are held, is compared, the numbers are not."""
    touched = tuple((0, part, kind) for _, part, kind in step.touched)
    return replace(step, touched=touched, holds=(0,) * len(step.holds))


def compare(body: Callable[[], object], texts: int, every: int) -> int:
    """How many texts agreed; of some of them, ``every`` so many, the report is compared as well."""
    with on_both(body) as (runner, both):
        schedules = list(texts_of(runner, texts))
        for schedule in schedules:
            seen = {}
            for name, carriers in both.items():
                runner.carriers = carriers
                trace = Trace()
                seen[name] = told(runner.replay(schedule, trace), trace)
            assert seen["threads"] == seen["greenlets"], schedule.text()
    for schedule in schedules[::every]:
        one, other = (
            replay(body, schedule.text(), carrier=name, max_steps=5000)
            for name in ("threads", "greenlets")
        )
        assert one.report() == other.report()
        assert (one.verdict, one.reason, one.failure) == (
            other.verdict,
            other.reason,
            other.failure,
        )
    return len(schedules)


@pytest.mark.parametrize("name", QUICK)
def test_some_texts_give_the_same_on_both(name):
    share = QUICK_TEXTS // len(QUICK)
    assert compare(BODIES[name], share, share) == share


#: Programs of many tasks take long for each text, and are no different: others make up for them.
MANY = ("_20", "_50", "_100")
FEW_TEXTS = 20
_FEW = [name for name in BODIES if name.endswith(MANY)]


@pytest.mark.slow
@pytest.mark.parametrize("name", BODIES)
def test_ten_thousand_texts_give_the_same_on_both(name):
    others = TEXTS - FEW_TEXTS * len(_FEW)
    share = FEW_TEXTS if name in _FEW else -(-others // (len(BODIES) - len(_FEW)))
    assert compare(BODIES[name], share, 20) == share


def test_a_difference_would_be_seen():
    """The twin: a body that asks which carrier it has does not give the same on both."""
    from pytest_racecheck.engine import execution as engine

    def body() -> None:
        assert engine.active is None or not engine.active.pool.on_greenlets

    with pytest.raises(AssertionError):
        compare(body, 1, 1)
