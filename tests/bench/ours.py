"""Times pytest-racecheck itself: the engine, which goes on after failures, and public explore()."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from tests.bench.programs import Program
from tests.bench.sample import Sample, Stopwatch

from pytest_racecheck import explore
from pytest_racecheck.adapters.threads import control_threads
from pytest_racecheck.engine.carriers import Carriers
from pytest_racecheck.engine.execution import Execution
from pytest_racecheck.engine.explore import Runner
from pytest_racecheck.engine.strategies.make import StrategyOptions, make_strategy
from pytest_racecheck.engine.under_test import UnderTest, gates_inserted

WARM_UP = 30  # executions
WARM_UP_S = 0.1


@contextmanager
def engine(
    body: Callable[[], object], points: str, file: str, max_steps: int = 20_000
) -> Iterator[Runner]:
    """A runner of ``body``; at access level the code in ``file`` gets its scheduling points."""
    with ExitStack() as stack:
        if points == "access":
            stack.enter_context(gates_inserted(UnderTest(root=file, files=(file,))))
        threads = stack.enter_context(control_threads())

        def before(_: Execution) -> None:
            threads.before()

        def after(execution: Execution) -> None:
            threads.after(execution)

        runner = Runner(body, max_steps=max_steps, before=before, after=after)
        stack.enter_context(runner.ready())
        yield runner


def run(program: Program, variant: str, seconds: float) -> Sample:
    """Executions of the engine, each judged, the failed ones included."""
    strategy_name, points, *carrier = variant.split(", ")
    watch = Stopwatch(seconds)

    def judged() -> None:
        watch.judge(program.body())

    strategy = make_strategy(strategy_name, StrategyOptions(seed=1))
    with engine(judged, points, program.body.__code__.co_filename) as runner:
        runner.carriers = Carriers(*carrier or ["threads"])
        choices = 0
        for number, decider in enumerate(strategy.deciders()):
            if number == WARM_UP and not watch.trouble:
                watch.restart()
                choices = 0
            execution = runner.execute(decider)
            watch.said += 1
            choices += len(execution.decisions)
            _judge(execution, watch)
            if number >= WARM_UP and not watch.running:
                break
        watch.choices = choices
        return watch.sample()


def _judge(execution: Execution, watch: Stopwatch) -> None:
    """Count an execution that its body could not judge, because it did not come to its end."""
    if execution.failures:
        watch.count(execution.failures[0].kind)
    lost = [*execution.lost, *execution.abandoned, *execution.uncontrolled]
    if lost or execution.divergence is not None:
        watch.trouble = f"control was lost: {lost[0] if lost else execution.divergence}"


def run_explore(program: Program, variant: str, seconds: float) -> Sample:
    """The public call on the same body, again and again until the time is over.

    Counted are the executions that findings tell of, by verdict.  A call ends at the first failure,
    and then also simplifies, replays and tells it.  ``choices`` is the number of calls.
    """
    strategy_name, points = variant.split(", ")
    watch = Stopwatch(seconds)

    def judged() -> None:
        program.body()

    def call(budget_s: float) -> None:
        finding = explore(
            judged, strategy=strategy_name, points=points, seconds=budget_s, executions=10**6
        )
        watch.count(str(finding.verdict), finding.executions)
        watch.said += finding.executions
        if finding.warnings:
            watch.trouble = finding.warnings[0]

    call(WARM_UP_S)
    if not watch.trouble:
        watch.restart()
    watch.choices = 0
    while watch.running:
        call(watch.left_s)
        watch.choices += 1
    return watch.sample()
