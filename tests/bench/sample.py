"""One measurement of one tool on one program: what was counted, in how much wall and CPU time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

# Taken before any tool replaces the clocks.
_wall_s = time.perf_counter
_cpu_s = time.process_time


@dataclass
class Sample:
    """Executions by outcome; ``trouble`` says in words why they do not count, if they do not.

    ``choices`` is how often the tool chose between threads; 0 means that it never interleaved
    anything, None that there is nothing to choose (uncontrolled threads).
    """

    executions: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    outcomes: dict[str, int] = field(default_factory=dict)
    choices: int | None = None
    trouble: str = ""

    def as_json(self) -> dict[str, Any]:
        """Plain data, which ``Sample(**data)`` reads."""
        return asdict(self)


class Stopwatch:
    """Counts executions from the last restart on; what came before was warming up."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._outcomes: Counter[str] = Counter()
        self.choices: int | None = None
        self.said = 0  # executions that the tool says it made
        self.trouble = ""
        self.restart()

    def restart(self) -> None:
        """Forget what was counted: the warm-up is over."""
        self._outcomes.clear()
        self.said = 0
        self._wall, self._cpu = _wall_s(), _cpu_s()

    def count(self, outcome: str, times: int = 1) -> None:
        """Executions came to their end, with this outcome."""
        self._outcomes[outcome] += times

    def judge(self, right: bool) -> None:
        """One execution came to its end, with a result."""
        self._outcomes["right" if right else "wrong"] += 1

    @property
    def left_s(self) -> float:
        """Wall time left, seconds; negative when it is over."""
        return self._seconds - (_wall_s() - self._wall)

    @property
    def running(self) -> bool:
        """Whether there is time for more, and no trouble."""
        return self.left_s > 0 and not self.trouble

    def sample(self) -> Sample:
        """Stop, and say what was counted; the tool's own count has to be the same."""
        wall, cpu = _wall_s() - self._wall, _cpu_s() - self._cpu
        counted = dict(sorted(self._outcomes.items()))
        total = sum(counted.values())
        if total != self.said and not self.trouble:
            self.trouble = f"says {self.said} executions, but {total} came to an end"
        return Sample(total, wall, cpu, counted, self.choices, self.trouble)


def complaint(samples: Sequence[Sample], endings: frozenset[str], defect: str) -> str:
    """Why these samples of one tool on one program must not be compared; "" when they may.

    A tool that ran nothing, never chose between threads, ended in an outcome that the program
    does not have, or never met the defect that it has, is not faster: it did something else.
    ``defect`` is "" when none has to be met.
    """
    trouble = next((sample.trouble for sample in samples if sample.trouble), "")
    if trouble:
        return trouble
    if not samples or min(sample.executions for sample in samples) == 0:
        return "ran no execution"
    outcomes = {outcome for sample in samples for outcome in sample.outcomes}
    if outcomes - endings:
        return f"calls it {' and '.join(sorted(outcomes - endings))}, which no schedule is"
    if any(sample.choices == 0 for sample in samples):
        return "tries one schedule only, again and again"
    if defect and defect not in outcomes:
        return f"never met the {defect} ending"
    return ""
