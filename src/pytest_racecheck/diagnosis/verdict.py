"""Verdicts and findings: what may be said about a body, and what has to be said with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pytest_racecheck.diagnosis.odds import Odds, odds_as_json
from pytest_racecheck.diagnosis.sightings import LockGraph, Race
from pytest_racecheck.faults.ledger import Injected
from pytest_racecheck.free.nearmiss.meeting import Meeting

if TYPE_CHECKING:
    from pytest_racecheck.engine.recording import Recording
    from pytest_racecheck.engine.trace import Step


class Verdict(StrEnum):
    """The three answers; anything that is neither of the first two is the third."""

    REPRODUCED = "reproduced"
    RULED_OUT = "ruled out"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong: ``where`` is "file.py:12", ``task`` a path of birth, ``waits`` who waits."""

    kind: str
    type: str
    message: str
    where: str
    task: str = "main"
    waits: tuple[str, ...] = ()
    error: BaseException | None = field(default=None, compare=False, repr=False)
    text: str = field(default="", compare=False, repr=False)  # instead of the error, from a child

    def as_json(self) -> dict[str, str]:
        """The failure as the JSON interface has it."""
        return {"kind": self.kind, "type": self.type, "message": self.message, "where": self.where}


@dataclass(frozen=True, slots=True)
class Story:
    """One failing execution, told: the tasks by index and the steps in their order."""

    names: tuple[str, ...]
    paths: tuple[str, ...]
    steps: tuple[Step, ...]
    cut: int = 0
    switches: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Order:
    """An order of source lines that decides, and the runs that bear it out.

    ``places`` are "file.py:7" of the operation before (where there is one), of the one between,
    and of the one after; ``tasks`` are paths of birth, in the same order.
    """

    sentence: str
    places: tuple[str, ...]
    tasks: tuple[str, ...]
    verified: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """How often chance leads to the failure, after following the schedule for some choices.

    ``points`` are (choices followed, runs that failed, runs); ``jump`` is the choice, from 1, that
    raises the share most, and ``jump_at`` the operation that it let happen.
    """

    points: tuple[tuple[int, int, int], ...]
    jump: int | None = None
    jump_at: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why it fails: the named pattern if it is one, and the orders that decide.

    ``minimised`` is (preemptions before, after, replays it took); ``exact`` whether everything with
    fewer was tried.
    """

    pattern: str | None = None
    sentence: str = ""
    orders: tuple[Order, ...] = ()
    minimised: tuple[int, int, int] | None = None
    exact: bool = False
    curve: Curve | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        names = ("preemptions_before", "preemptions", "replays")
        return {
            "pattern": self.pattern,
            "sentence": self.sentence,
            "orders": [
                {
                    "sentence": order.sentence,
                    "places": list(order.places),
                    "tasks": list(order.tasks),
                    "verified": list(order.verified),
                }
                for order in self.orders
            ],
            "minimised": None
            if self.minimised is None
            else {**dict(zip(names, self.minimised, strict=True)), "exact": self.exact},
            "curve": None
            if self.curve is None
            else {
                "points": [list(point) for point in self.curve.points],
                "jump": self.curve.jump,
                "jump_at": self.curve.jump_at,
            },
        }


@dataclass(frozen=True, slots=True)
class NearMisses:
    """Of runs on free threads with delays: what the last one of them showed.

    ``pairs`` is how many near misses are known, ``held`` names the delays that may have led to a
    failure, ``meetings`` has those who were caught.
    """

    run: int
    delays: int
    delayed_s: float
    pairs: int
    meetings: tuple[Meeting, ...] = ()
    held: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "run": self.run,
            "delays": self.delays,
            "delayed_s": round(self.delayed_s, 4),
            "pairs": self.pairs,
            "meetings": [meeting.as_json() for meeting in self.meetings],
            "held": list(self.held),
        }

    def told(self) -> list[str]:
        """Both sides of each meeting (the first is told as the failure), or who was held."""
        if self.meetings:
            others = [line for meeting in self.meetings[1:] for line in meeting.told()]
            return [*self.meetings[0].stacks(), *others]
        return list(self.held)


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict with its scope, schedule, failure and numbers."""

    verdict: Verdict
    reason: str
    grade: str | None = None
    executions: int = 0
    seconds: float = 0.0
    first_failure: int | None = None
    schedule: str | None = None
    failure: Failure | None = None
    replays: tuple[int, int] = (0, 0)
    preemptions: int | None = None
    warnings: tuple[str, ...] = ()
    story: Story | None = field(default=None, compare=False, repr=False)
    stdout: str = field(default="", compare=False, repr=False)  # of a child's failing execution
    stderr: str = field(default="", compare=False, repr=False)
    left_schedule: str | None = None  # where a replay, or a script, could not be followed
    matched: tuple[int, int] = (0, 0)  # choices of the recording that a tolerant replay met
    missed: tuple[str, ...] = ()  # recorded operations that it did not meet at all
    suspects: tuple[str, ...] = ()  # what decides besides the schedule
    recording: Recording | None = field(default=None, compare=False, repr=False)
    explanation: Explanation | None = field(default=None, compare=False)
    lock_order: LockGraph | None = field(default=None, compare=False)
    races: tuple[Race, ...] = ()  # with races="report"
    remarks: tuple[str, ...] = ()  # suspicions that no schedule confirmed
    odds: Odds | None = None  # of a statistical pass
    near_misses: NearMisses | None = field(default=None, compare=False)  # on free threads
    injected: tuple[Injected, ...] = field(default=(), compare=False)  # delays, faults, meetings
    carrier: str = field(default="", compare=False)  # of the search: "threads (why)", "greenlets"

    def as_json(self) -> dict[str, Any]:
        """Plain data: the part of a JSON finding that does not depend on a scenario."""
        return {
            "verdict": str(self.verdict),
            "grade": self.grade,
            "executions": self.executions,
            "seconds": round(self.seconds, 4),
            "first_failure": self.first_failure,
            "failure": None if self.failure is None else self.failure.as_json(),
            "schedule": self.schedule,
            "replays": list(self.replays),
            "preemptions": self.preemptions,
            "left_schedule": self.left_schedule,
            "matched": list(self.matched),
            "suspects": list(self.suspects),
            "reason": self.reason,
            "explanation": None if self.explanation is None else self.explanation.as_json(),
            "lock_order": None if self.lock_order is None else self.lock_order.as_json(),
            "races": [race.as_json() for race in self.races],
            "remarks": list(self.remarks),
            "injected": [one._asdict() for one in self.injected],
            **odds_as_json(self.odds),
            **({} if self.near_misses is None else {"near_misses": self.near_misses.as_json()}),
        }

    def report(self, width: int = 80, replay_command: str | None = None) -> str:
        """The finding as text of at most ``width`` columns, ending with how to replay it."""
        from pytest_racecheck.diagnosis.report import report

        return report(self, width, replay_command)
