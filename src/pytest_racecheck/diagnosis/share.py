"""What one process saw of its share of a search, and how that is added to what all saw."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pytest_racecheck.engine.execution import Execution
from pytest_racecheck.engine.explore import Exploration, add_new, write_down

_MOST = ("most_tasks", "choices", "longest_s")
_ALL = ("lost", "abandoned")
_NEW = ("leftovers", "uncontrolled", "transports")
_FIRST = ("divergence", "cut_off")


@dataclass
class Log:
    """What one process saw in its share: by number of the execution, whatever was new to it."""

    seen: Exploration = field(default_factory=Exploration)
    changes: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    done: int = 0
    drawn: int = 0  # of them, by a strategy that draws
    redundant: int = 0
    ended_by: str | None = None  # what the execution was that ended it: its number is on the board
    execution: Execution | None = None  # that execution, if it was made in this process
    stop: BaseException | None = None  # what that execution raised, to stop the whole test
    all_covered: bool = False
    moved: str | None = None  # why the search has to begin again on threads

    def write(self, n: int, execution: Execution) -> None:
        """Take execution ``n`` in."""
        before = state(self.seen)
        write_down(self.seen, execution)
        self.note_changes(n, before)
        if self.seen.behaviours.latest is not None:
            self.changes.append((n, {"behaviour": self.seen.behaviours.latest}))
        self.done += 1

    def note_changes(self, n: int, before: dict[str, Any]) -> None:
        """Keep what execution ``n`` has changed since ``before``."""
        after = state(self.seen)
        if after != before:
            changed = {name: value for name, value in after.items() if value != before[name]}
            for name in (*_ALL, *_NEW):
                if name in changed:
                    changed[name] = getattr(self.seen, name)[before[name] :]
            self.changes.append((n, changed))


def state(seen: Exploration) -> dict[str, Any]:
    """Of lists only the lengths: they grow at their ends."""
    lengths = {name: len(getattr(seen, name)) for name in (*_ALL, *_NEW)}
    return lengths | {name: getattr(seen, name) for name in (*_MOST, *_FIRST)}


def told(log: Log) -> dict[str, Any]:
    """Plain data for ``apply`` and for whoever counts."""
    return {
        "changes": log.changes,
        "done": log.done,
        "drawn": log.drawn,
        "moved": log.moved,
        "ended_by": log.ended_by,
    }


def apply(found: Exploration, changed: dict[str, Any]) -> None:
    """Take up in ``found`` what one execution has changed in another process."""
    for name, value in changed.items():
        if name == "behaviour":
            found.behaviours.add(*value)
        elif name in _MOST:
            setattr(found, name, max(getattr(found, name), value))
        elif name in _FIRST:
            setattr(found, name, getattr(found, name) or value)
        elif name in _ALL:
            getattr(found, name).extend(value)
        else:
            add_new(getattr(found, name), value)
