"""The control that a search runs under: what is replaced, watched and put back around it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from pytest_racecheck.adapters.collector import callbacks_of_others_set_aside
from pytest_racecheck.adapters.threads import ThreadControl, control_threads
from pytest_racecheck.diagnosis.plan import Plan
from pytest_racecheck.engine.carriers import Carriers
from pytest_racecheck.engine.execution import Execution
from pytest_racecheck.engine.explore import Runner
from pytest_racecheck.engine.native_code import of_code
from pytest_racecheck.engine.signals import Signals
from pytest_racecheck.engine.under_test import UnderTest, gates_inserted
from pytest_racecheck.engine.verbs import switch
from pytest_racecheck.engine.watching import Watch
from pytest_racecheck.probes.points import listen


@contextmanager
def controlled_runner(
    body: Callable[[], object], plan: Plan, watch: Callable[[Execution], None] | None = None
) -> Iterator[Runner]:
    """The control that a search runs under, for who wants to count executions one by one.

    Each ``execute`` of the runner is exactly one execution; nothing is repeated or simplified.
    """
    with ExitStack() as stack:
        signals = stack.enter_context(Signals())
        under_test = UnderTest(plan.root, _files_of(body), tuple(plan.control))
        threads = _control_the_process(stack, plan, under_test)
        stack.callback(listen, listen(lambda name: switch("pass", f"probe {name!r}")))
        services = _services(stack)
        keeps_clocks = "zmq" in sys.modules
        runner: Runner

        def before(execution: Execution) -> None:
            threads.before()
            execution.records_only = plan.points == "sync"
            if keeps_clocks:
                execution.clocks = {}
            if watch is not None and not runner.forked:
                watch(execution)

        def after(execution: Execution) -> None:
            for look in services:
                look(execution)
            if threads.after(execution):
                runner.retire_carriers()

        runner = Runner(
            body,
            max_steps=plan.max_steps,
            patience_s=plan.patience_s,
            before=before,
            after=after,
            signals=signals,
        )
        runner.watch = Watch(lock_order=True, races=plan.races != "off")
        runner.carriers = _carriers(plan, under_test, _files_of(body))
        stack.enter_context(runner.ready())
        yield runner


def _control_the_process(stack: ExitStack, plan: Plan, under_test: UnderTest) -> ThreadControl:
    if _sees_data(plan):
        stack.enter_context(gates_inserted(under_test))
    stack.enter_context(callbacks_of_others_set_aside(under_test.covers))
    return stack.enter_context(control_threads())


def _services(stack: ExitStack) -> list[Callable[[Execution], None]]:
    """Control the services that the program uses; what has to look at each execution's end."""
    found: list[Callable[[Execution], None]] = []
    if "zmq" in sys.modules:
        found.append(partial(_look_at_messages, world=stack.enter_context(_zeromq())))
    if "psycopg" in sys.modules:
        found.append(partial(_look_at_sessions, rows=stack.enter_context(_postgres())))
    return found


def _carriers(plan: Plan, under_test: UnderTest, files: Sequence[str]) -> Carriers:
    need = None
    if plan.carrier == "auto":
        # A child that crashes tells which of its threads it was.
        need = "the body may crash" if plan.isolate else of_code(files, under_test.covers)
    return Carriers(plan.carrier, need)


def _sees_data(plan: Plan) -> bool:
    """Whether reads and writes are to be seen, also where they are no scheduling points."""
    return plan.points == "access" or plan.strategy == "exhaustive" or plan.races != "off"


def _files_of(body: Callable[[], object]) -> tuple[str, ...]:
    """Where the body is written; a body that only calls another one says so itself."""
    named: tuple[str, ...] | None = getattr(body, "files_under_test", None)
    if named is not None:
        return named
    while isinstance(body, partial):
        body = body.func
    call = body if hasattr(body, "__code__") else getattr(body, "__func__", type(body).__call__)
    code = getattr(call, "__code__", None)
    return () if code is None else (code.co_filename,)


def _look_at_messages(execution: Execution, world: Any) -> None:
    for text in world.end_of_execution(bool(execution.failures)):
        swallowed = text.startswith("the body swallowed it")
        (execution.uncontrolled if swallowed else execution.left_open).append(text)
    used = world.transports_used()
    execution.transports = tuple(
        f"{u.transport} ({'exact' if u.exact else 'settled'})" for u in used
    )
    execution.uncontrolled.extend(f"{u.transport} did not settle" for u in used if not u.settled)


def _look_at_sessions(execution: Execution, rows: Any) -> None:
    execution.uncontrolled.extend(dict.fromkeys(rows.world.uncertain))
    execution.left_open.extend(rows.end_of_execution(bool(execution.failures)))


@contextmanager
def _zeromq() -> Iterator[Any]:
    from pytest_racecheck.adapters.zeromq import control_zeromq

    with control_zeromq() as world:
        yield world


@contextmanager
def _postgres() -> Iterator[Any]:
    from pytest_racecheck.adapters.postgres import control_postgres

    with control_postgres() as rows:
        yield rows
