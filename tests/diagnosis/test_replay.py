"""A schedule gives the same execution every time, in every process and on every Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from pytest_racecheck import Finding, explore, replay
from pytest_racecheck.adapters.threads import control_threads
from pytest_racecheck.engine.explore import Runner, kept_choices
from pytest_racecheck.engine.schedule import Schedule, record
from pytest_racecheck.engine.trace import Trace
from pytest_racecheck.engine.under_test import UnderTest, gates_inserted
from replay_programs import MAX_STEPS, PROGRAMS

ROOT = Path(__file__).parent.parent.parent
TIMES = 1000
EACH = pytest.mark.parametrize("name", PROGRAMS)


def found(name: str, strategy: str = "random") -> Finding:
    program, kind, points = PROGRAMS[name]
    if kind == "livelock":  # chance breaks the tie that it lives on
        strategy = "exhaustive"
    finding = explore(
        program, strategy=strategy, points=points, max_steps=MAX_STEPS, executions=3000, seconds=60
    )
    assert finding.verdict == "reproduced", finding.report()
    assert finding.failure.kind == kind, finding.report()
    return finding


@contextmanager
def runner_of(body: Callable[[], object], points: str) -> Iterator[Runner]:
    with ExitStack() as stack:
        if points == "access":
            files = (body.__code__.co_filename,)
            stack.enter_context(gates_inserted(UnderTest(os.getcwd(), files)))
        control = stack.enter_context(control_threads())
        runner = Runner(
            body,
            max_steps=MAX_STEPS,
            before=lambda _: control.before(),
            after=lambda execution: control.after(execution) and runner.retire_carriers(),
        )
        stack.enter_context(runner.ready())
        yield runner


@pytest.mark.parametrize(
    ("name", "times"),
    [
        *((name, 100) for name in PROGRAMS),
        *(
            pytest.param(name, TIMES, marks=pytest.mark.slow)
            for name in PROGRAMS
            if name not in ("livelock", "assertion")
        ),
        ("assertion", TIMES),
        pytest.param("livelock", TIMES, marks=pytest.mark.slow),  # hundreds of operations each
    ],
)
def test_a_thousand_replays_are_one_and_the_same(name, times):
    program, _, points = PROGRAMS[name]
    schedule = Schedule.parse(found(name).schedule)
    first = None
    with runner_of(program, points) as runner:
        for _ in range(times):
            trace = Trace()
            execution = runner.replay(schedule, trace)
            assert execution.divergence is None, execution.divergence
            (failure,) = execution.failures
            steps = tuple(
                (s.task, s.label, s.target, s.line, s.function, s.choice, s.value)
                for s in trace.steps
            )
            again = record(schedule.strategy, kept_choices(execution)).text()
            one = (again, failure.identity, failure.message, failure.waits, *steps)
            first = first or one
            assert one == first
    assert first[0] == schedule.text()


@EACH
def test_a_replay_tells_the_same_as_the_search(name):
    program, _, points = PROGRAMS[name]
    finding = found(name)
    for _ in range(3):
        again = replay(program, finding.schedule, points=points, max_steps=MAX_STEPS)
        assert again.verdict == "reproduced"
        assert again.schedule == finding.schedule
        assert again.failure == finding.failure
        assert told(again.report()) == told(finding.report())


@EACH
def test_a_search_finds_the_same_every_time(name):
    findings = [found(name) for _ in range(3)]
    assert len({finding.schedule for finding in findings}) == 1
    assert len({finding.first_failure for finding in findings}) == 1
    assert len({finding.report() for finding in findings}) == 1


@EACH
def test_every_replay_asked_for_is_made_and_counted(name):
    program, _, points = PROGRAMS[name]
    finding = found(name, "exhaustive")
    again = replay(program, finding.schedule, points=points, max_steps=MAX_STEPS, replays=20)
    assert again.replays == (20, 20)


def told(report: str) -> str:
    """What a report tells of the failure: all but the headline, which counts executions."""
    lines = report.splitlines()
    headline = next(at for at, line in enumerate(lines[1:], 1) if not line.startswith("  "))
    return "\n".join(lines[headline:])


# ------------------------------------------------------------------------------ other processes


def pythons() -> list[object]:
    """The others in the slow suite: stored texts are replayed on each Python in the quick one."""
    others = [f"3.{minor}" for minor in (11, 12, 13) if minor != sys.version_info.minor]
    return ["this one", *(pytest.param(other, marks=pytest.mark.slow) for other in others)]


def program_of(python: str) -> str | Path:
    """The interpreter with this version number."""
    if python == "this one":
        return sys.executable
    asked = subprocess.run(
        [ROOT / ".ci" / "python", python], capture_output=True, text=True, check=False
    )
    if asked.returncode:
        pytest.skip(f"there is no Python {python} here: {asked.stderr.strip()}")
    return asked.stdout.strip()


@pytest.mark.parametrize("python", pythons())
def test_schedules_are_replayed_by_another_process_and_by_another_python(python, tmp_path):
    # The one library that is needed is pure Python, and is lent to the other one.
    (tmp_path / "bytecode").symlink_to(Path(find_spec("bytecode").origin).parent)
    findings = {name: found(name) for name in PROGRAMS}
    done = subprocess.run(
        [program_of(python), ROOT / "tests" / "replay_programs.py"],
        input=json.dumps({name: finding.schedule for name, finding in findings.items()}),
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{tmp_path}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stderr == ""
    heard = json.loads(done.stdout)
    assert python in ("this one", "{}.{}".format(*heard["python"]))
    for name, finding in findings.items():
        report = heard["reports"][name]
        assert report.startswith("REPRODUCED"), report
        assert told(report) == told(finding.report())
