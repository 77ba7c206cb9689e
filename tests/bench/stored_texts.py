"""Replay texts of the bench programs that were made on one Python, to be replayed on every other.

``python -m tests.bench.stored_texts`` makes them anew, which is due when a program, or the names of
operations in the engine, have been changed on purpose.  The check digits of a text tell.
"""

from __future__ import annotations

import json
import linecache
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.bench import programs as timed
from tests.bench.sctbench.counting import plan_of
from tests.bench.sctbench.programs import PROGRAMS
from tests.bench.sctbench.test_sctbench_programs import BY_HAND, Given

from pytest_racecheck import Finding
from pytest_racecheck.diagnosis.control import controlled_runner
from pytest_racecheck.diagnosis.find import explore_plan
from pytest_racecheck.diagnosis.plan import Plan
from pytest_racecheck.engine.execution import Execution
from pytest_racecheck.engine.explore import kept_choices
from pytest_racecheck.engine.schedule import Schedule, record

FILE = Path(__file__).with_suffix(".json")
#: The default search needs more for it than a test may take: its order is given.
RARE = ("safestack",)


def _judged(program: timed.Program) -> Callable[[], None]:
    def body() -> None:
        assert program.body(), "the result is wrong"

    body.files_under_test = (timed.__file__,)  # type: ignore[attr-defined]
    return body


#: Every program that fails: those of SCTBench, and those that the tools are timed on.
BODIES: dict[str, Callable[[], None]] = {
    **{name: program.broken for name, program in PROGRAMS.items()},
    **{f"timed {name}": _judged(p) for name, p in timed.PROGRAMS.items() if p.defect},
}


def plan(name: str, **more: Any) -> Plan:
    """The search for the failure of a program."""
    if name in PROGRAMS:
        return plan_of(BODIES[name], "portfolio", **more)
    return Plan(strategy="portfolio", root=timed.__file__, **more).checked()


def found(name: str) -> Finding:
    """What the default search finds, in as much time as it wants."""
    return explore_plan(BODIES[name], plan(name, executions=20_000, seconds=60))


def replayed(name: str, text: str) -> Execution:
    """One execution along the text."""
    with controlled_runner(BODIES[name], plan(name)) as runner:
        return runner.replay(Schedule.parse(text))


def ending(execution: Execution) -> dict[str, Any]:
    """How an execution ended, in words that do not change when the lines of a file move."""
    assert execution.divergence is None, execution.divergence
    first = execution.failures[0]
    return {
        "kind": first.kind,
        "type": first.type,
        "message": first.message.partition("\n")[0],
        "task": first.task,
        "lines": [_source(*place) for place in re.findall(r"(\w+\.py):(\d+)", first.where)],
    }


def _source(file: str, line: str) -> str:
    folder = Path(__file__).parent
    path = next(one for one in (*folder.glob(f"*/{file}"), *folder.glob(file)))
    return linecache.getline(str(path), int(line)).strip()


def stored() -> dict[str, Mapping[str, Any]]:
    """By name: the text, and the failure that it ended in."""
    texts: dict[str, Mapping[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))["texts"]
    return texts


def _text(name: str) -> str:
    if name in RARE:
        with controlled_runner(BODIES[name], plan(name)) as runner:
            execution = runner.execute(Given(BY_HAND[name]))
        return record("given", kept_choices(execution)).text()
    finding = found(name)
    assert finding.schedule is not None, finding.report()
    return finding.schedule


def main() -> None:
    """Find each failure, and write down its text and how it ends."""
    texts = {}
    for name in BODIES:
        text = _text(name)
        texts[name] = {"schedule": text, **ending(replayed(name, text))}
        print(name, text)
    made_on = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    FILE.write_text(json.dumps({"made_on": made_on, "texts": texts}, indent=1) + "\n")


if __name__ == "__main__":
    main()
