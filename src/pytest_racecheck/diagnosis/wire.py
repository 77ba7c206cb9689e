"""A finding, or what stopped its test, on the way from a child process: plain data and back."""

from __future__ import annotations

import json
import sys
import traceback
from dataclasses import asdict, astuple, fields, replace
from typing import TYPE_CHECKING, Any

from pytest_racecheck.diagnosis.odds import MissBound, Odds, Power, Unseen
from pytest_racecheck.diagnosis.sightings import lock_graph, race
from pytest_racecheck.diagnosis.verdict import (
    Curve,
    Explanation,
    Failure,
    Finding,
    Order,
    Story,
    Verdict,
)
from pytest_racecheck.engine.failure import is_ours
from pytest_racecheck.engine.recording import Recording
from pytest_racecheck.engine.trace import Step, Trace
from pytest_racecheck.errors import RacecheckError
from pytest_racecheck.faults.ledger import Injected
from pytest_racecheck.free.messages import write_all

if TYPE_CHECKING:
    from pytest_racecheck.engine.execution import Execution
    from pytest_racecheck.engine.task import Task

#: Exceptions that mean "stop this test" are rebuilt if they are from here; nothing else is.
_STOPS_FROM = ("builtins", "_pytest.outcomes", "unittest.case")
_APART = (
    *("verdict", "failure", "story", "recording", "explanation"),
    *("lock_order", "races", "odds"),
)


def pack_finding(finding: Finding) -> dict[str, Any]:
    """The finding as plain data; an exception goes as the text that Python prints of it."""
    plain = {f.name: getattr(finding, f.name) for f in fields(Finding) if f.name not in _APART}
    failure, story, recording = finding.failure, finding.story, finding.recording
    return {
        "recording": None if recording is None else recording.as_json(),
        "explanation": None if finding.explanation is None else asdict(finding.explanation),
        "odds": None if finding.odds is None else asdict(finding.odds),
        "finding": {**plain, "verdict": str(finding.verdict)},
        "lock_order": None if finding.lock_order is None else finding.lock_order.as_json(),
        "races": [race.as_json() for race in finding.races],
        "failure": None if failure is None else _pack_failure(failure),
        "story": None
        if story is None
        else [
            list(story.names),
            list(story.paths),
            [astuple(step) for step in story.steps],
            story.cut,
        ],
    }


def _pack_failure(failure: Failure) -> dict[str, Any]:
    plain = {f.name: getattr(failure, f.name) for f in fields(Failure) if f.name != "error"}
    if failure.error is not None:
        plain["text"] = users_traceback(failure.error)
    return plain


def unpack_finding(message: dict[str, Any]) -> Finding:
    """What ``pack_finding`` packed."""
    plain = {name: _tupled(value) for name, value in message["finding"].items()}
    plain["injected"] = tuple(Injected(*one) for one in plain["injected"])
    failure, story, recording = message["failure"], message["story"], message["recording"]
    return Finding(
        **{**plain, "verdict": Verdict(plain["verdict"])},
        recording=None if recording is None else Recording.of_json(recording),
        explanation=_explanation(message["explanation"]),
        lock_order=lock_graph(message["lock_order"]),
        races=tuple(race(packed) for packed in message["races"]),
        odds=_odds(message["odds"]),
        failure=None
        if failure is None
        else Failure(**{name: _tupled(value) for name, value in failure.items()}),
        story=None if story is None else _story(*story),
    )


def _explanation(packed: dict[str, Any] | None) -> Explanation | None:
    if packed is None:
        return None
    orders = [
        Order(**{name: _tupled(value) for name, value in order.items()})
        for order in packed["orders"]
    ]
    plain = {name: _tupled(value) for name, value in packed.items()}
    curve = plain.pop("curve")
    drawn = None if curve is None else Curve(**{n: _tupled(value) for n, value in curve.items()})
    return Explanation(**{**plain, "orders": tuple(orders), "curve": drawn})


def _odds(packed: dict[str, Any] | None) -> Odds | None:
    if packed is None:
        return None
    miss, power = packed["miss"], packed["power"]
    return Odds(
        packed["drawn"],
        None if miss is None else MissBound(**{n: _tupled(value) for n, value in miss.items()}),
        tuple(Unseen(**one) for one in packed["unseen"]),
        None if power is None else Power(**power),
    )


def _tupled(value: Any) -> Any:
    return tuple(_tupled(inner) for inner in value) if isinstance(value, list) else value


def _story(names: list[str], paths: list[str], steps: list[list[Any]], cut: int) -> Story:
    made = tuple(Step(*step) for step in steps)
    switches = frozenset(
        n for n, step in enumerate(made) if step.task != (made[n - 1].task if n else 0)
    )
    return Story(tuple(names), tuple(paths), made, cut, switches)


def users_traceback(error: BaseException) -> str:
    """The traceback as Python prints it, without our own frames."""
    told = traceback.TracebackException.from_exception(error)
    _leave_ours_out(told)
    return "".join(told.format()).rstrip()


def _leave_ours_out(told: traceback.TracebackException | None) -> None:
    if told is not None:
        kept = [frame for frame in told.stack if not is_ours(frame.filename)]
        told.stack = traceback.StackSummary.from_list(kept)
        _leave_ours_out(told.__cause__)
        _leave_ours_out(told.__context__)


# --- what stops a whole test ------------------------------------------------------------------


def pack_stop(error: BaseException) -> dict[str, Any]:
    """What ended the exploration: Ctrl-C, a skip, an exit, or an error of ours for the user."""
    if isinstance(error, RacecheckError):
        return {"refused": {"type": type(error).__name__, "message": str(error)}}
    kind = type(error)
    # pytest's own pretend to be built in, which they are not
    pytests = any(base.__module__ == "_pytest.outcomes" for base in kind.__mro__)
    state = {k: v for k, v in vars(error).items() if isinstance(v, (str, int, type(None)))}
    name = ("_pytest.outcomes" if pytests else kind.__module__, kind.__name__)
    return {"stop": {"name": name, "args": [str(arg) for arg in error.args], "state": state}}


def raise_stop(message: dict[str, Any]) -> None:
    """Raise in the parent what ``pack_stop`` packed; do nothing when it is a finding."""
    if "refused" in message:
        from pytest_racecheck import errors

        told = message["refused"]
        raise getattr(errors, told["type"], RacecheckError)(told["message"])
    if "stop" in message:
        module, name = message["stop"]["name"]
        kind = getattr(sys.modules.get(module), name, None) if module in _STOPS_FROM else None
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise RuntimeError(f"the isolated test was stopped by {module}.{name}")
        error = kind.__new__(kind)
        error.args = tuple(message["stop"]["args"])
        error.__dict__.update(message["stop"]["state"])
        raise error


# --- the story of an execution that may not come to its end -----------------------------------


class ToldTrace(Trace):
    """A trace that writes each step to an fd at once, one JSON line each."""

    def __init__(self, fd: int) -> None:
        super().__init__()
        self._fd = fd
        self._tasks = 0

    def note(self, task: Task, execution: Execution) -> None:
        """As in ``Trace``, and tell it."""
        before = len(self.steps)
        super().note(task, execution)
        if len(execution.tasks) != self._tasks:
            self._tasks = len(execution.tasks)
            told = [[task.name, task.path, task.carrier.key] for task in execution.tasks]
            self._tell("tasks", told)
        for step in self.steps[before:]:
            self._tell("step", astuple(step))

    def resolve(self) -> None:
        """As in ``Trace``, and tell the value."""
        waiting = self._written
        super().resolve()
        if waiting is not None and waiting[0].value:
            at = next(n for n in reversed(range(len(self.steps))) if self.steps[n] is waiting[0])
            self._tell("value", [at, waiting[0].value])

    def _tell(self, what: str, data: Any) -> None:
        write_all(self._fd, json.dumps([what, data]).encode() + b"\n")


def read_story(told: bytes) -> tuple[Story | None, dict[int, str]]:
    """The story as far as it was told, and the task of each OS thread."""
    tasks: list[list[Any]] = []
    steps: list[Step] = []
    for line in told.split(b"\n")[:-1]:  # the last one was cut off, or is empty
        what, data = json.loads(line)
        if what == "tasks":
            tasks = data
        elif what == "step":
            steps.append(Step(*data))
        else:
            steps[data[0]] = replace(steps[data[0]], value=data[1])
    by_thread = {key: path for _, path, key in tasks}
    if not steps:
        return None, by_thread
    names, paths = [name for name, _, _ in tasks], [path for _, path, _ in tasks]
    return _story(names, paths, [list(astuple(step)) for step in steps], 0), by_thread
