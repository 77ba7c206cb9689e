"""What several tasks touch in an execution: only there does it matter who comes first.

Inside a critical section nobody can see whether a task was interrupted, so data that is always
touched under the same lock is left out as well: the lock's own operations stand for it (the lockset
of Savage et al., "Eraser", SOSP 1997, used to leave out, not to accuse).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pytest_racecheck.diagnosis.causal_past import Event
from pytest_racecheck.diagnosis.turns import Recorded, Recording
from pytest_racecheck.engine import execution as engine
from pytest_racecheck.engine.access import Site
from pytest_racecheck.engine.dependence import data, touches
from pytest_racecheck.engine.strategies.events import Numbering
from pytest_racecheck.engine.task import Task

#: Nobody else can be held up or helped by what a task does before these.
_PRIVATE = ("release", "end", "start")


@dataclass(slots=True)
class _Touched:
    tasks: set[int] = field(default_factory=set)
    written: bool = False
    locks: frozenset[int] | None = None
    sites: set[Site] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Sharing:
    """The places in the code at which another task cannot tell when they are passed."""

    private: frozenset[Site] = frozenset()

    def matters(self, task: Task) -> bool:
        """Whether it can matter that ``task`` is interrupted before its pending operation."""
        label, _, site = task.pending
        return site not in self.private if site is not None else label not in _PRIVATE


class Watching:
    """A decider's choices, with what the tasks touch meanwhile."""

    def __init__(self, decider: Recorded) -> None:
        self._decider = decider
        self._touched: dict[int, _Touched] = {}
        self.events: list[Event] = []
        self._numbers = Numbering()
        self.choose = decider.choose
        self.begin = decider.begin
        self.forced = decider.forced
        self.left_over = decider.left_over

    @property
    def recording(self) -> Recording:
        """The turns."""
        return self._decider.recording

    def performed(self, task: Task) -> None:
        """As the engine calls it."""
        self._decider.performed(task)
        _, target, site = task.pending
        execution = engine.active
        if isinstance(site, Site) and execution is not None:
            touched = self._touched.setdefault(id(target), _Touched())
            owners = execution.owners.items()
            held = frozenset(key for key, (owner, _) in owners if owner is task)
            touched.tasks.add(task.index)
            touched.written = touched.written or not site.reads
            touched.locks = held if touched.locks is None else touched.locks & held
            touched.sites.add(site)

    def operation(self, task: Task) -> None:
        """As the engine calls it: ``task`` performs its pending operation."""
        event = Event(task.index, self.recording.counts.get(task.index, 0))
        site = task.pending[2]
        variable = isinstance(site, Site) and site.form == "cell"  # which has no parts
        for number, key, kind in self._numbers.named(touches(task)):
            event.touches.append((number, "" if variable else key, kind))
        self.events.append(event)

    def touched(self, target: object, key: object, kind: str) -> None:
        """As the engine calls it: the task that moves touched something more."""
        execution = engine.active
        if execution is None or execution.unwinding or execution.current is None:
            return
        mover = execution.current.index
        if not self.events or self.events[-1].task != mover:  # before its first operation
            self.events.append(Event(mover, self.recording.counts.get(mover, 0)))
        self.events[-1].touches.append((self._numbers.number(target), key, kind))

    def touched_data(self, site: Site, target: object, item_key: object) -> None:
        """As the engine calls it where data is no scheduling point."""
        for touched, key, kind in data(site, target, item_key):
            self.touched(touched, "" if site.form == "cell" else key, kind)

    def pick(self, enabled: Sequence[Task], current: Task | None, late: Sequence[Task]) -> Task:
        """As the other one decides."""
        return self._decider.pick(enabled, current, late)

    def sharing(self) -> Sharing:
        """Which places need no second thought."""
        private: set[Site] = set()
        racy: set[Site] = set()
        for touched in self._touched.values():
            alone = len(touched.tasks) < 2 or not touched.written or touched.locks
            (private if alone else racy).update(touched.sites)
        return Sharing(frozenset(private - racy))
