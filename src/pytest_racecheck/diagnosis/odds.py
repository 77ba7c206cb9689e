"""What a search that was drawn at random and found nothing is worth, in numbers.

Three answers, each None or empty where it cannot be given: how likely a bug of some depth was
missed (engine/strategies/promise.py), how likely the next execution shows something new, and how
often the same search found the bug of a variant that has one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import ceil, floor, log10
from typing import Any

from pytest_racecheck.engine.behaviours import Tally
from pytest_racecheck.engine.explore import Exploration
from pytest_racecheck.engine.strategies.promise import Promise
from pytest_racecheck.free.binomial import lower_bound, upper_bound

CONFIDENCE = 0.95
#: With fewer executions looked at nothing is said of those to come.
FEWEST = 20
#: Nobody cares how much less likely than this something is.
LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class MissBound:
    """Of a bug of depth at most d: that all executions miss it has at most this probability.

    ``bounds`` are (d, probability), ``executions`` (d, how many of them count); ``tasks`` and
    ``choices`` the n and k that were met.  ``why_not``: what makes it void, and then no bounds.
    """

    bounds: tuple[tuple[int, float], ...]
    executions: tuple[tuple[int, int], ...]
    tasks: int
    choices: int
    why_not: str | None = None

    def sentence(self) -> str:
        """For a report."""
        if self.why_not is not None:
            return f"no bound from random priorities: {self.why_not}"
        said = ", ".join(
            f"of depth at most {depth} with probability at most {rounded_up(bound)} "
            f"({counted} executions)"
            for (depth, bound), (_, counted) in zip(self.bounds, self.executions, strict=True)
        )
        return (
            f"random priorities miss a bug {said}, if no schedule has more than the "
            f"{self.tasks} tasks and {self.choices} choices that were met"
        )


@dataclass(frozen=True, slots=True)
class Unseen:
    """How likely one more execution of ``strategy`` shows an order of operations not yet seen.

    ``once`` of the ``distinct`` orders seen in ``looked_at`` executions were seen in one only.
    """

    strategy: str
    looked_at: int
    distinct: int
    once: int
    estimate: float
    at_most: float

    def sentence(self) -> str:
        """For a report."""
        return (
            f"one more execution of {self.strategy} shows a new order of operations on shared "
            f"objects with probability about {rounded_up(self.estimate)}, at most "
            f"{rounded_up(self.at_most)} with {CONFIDENCE:.0%} confidence ({self.once} of the "
            f"{self.distinct} orders in {self.looked_at} executions were seen once)"
        )


@dataclass(frozen=True, slots=True)
class Power:
    """How the same search fared with ``control``, a variant that has a bug.

    It failed in ``failures`` of ``executions``, so at a rate between ``low`` and ``high`` (95 %);
    at that rate ``passes`` executions in a row pass with probability ``at_most``.
    """

    control: str
    failures: int
    executions: int
    low: float
    high: float
    passes: int
    at_most: float | None
    failed_with: str | None = None  # the first time
    why_not: str | None = None

    def sentence(self) -> str:
        """What stands in the reason instead of "no power known"."""
        if self.at_most is None:
            return f"no power known: {self.why_not}"
        return (
            f"had the bug been as easy to meet as in {self.control}, {self.passes} passes in a row "
            f"would have had probability at most {rounded_up(self.at_most)} (it failed in "
            f"{self.failures} of {self.executions} executions, first with {self.failed_with}; so "
            f"in at least {rounded_down(self.low)} of all, {CONFIDENCE:.0%} confidence)"
        )


@dataclass(frozen=True, slots=True)
class Odds:
    """All that is known of the worth of ``drawn`` executions without a failure."""

    drawn: int
    miss: MissBound | None = None
    unseen: tuple[Unseen, ...] = ()
    power: Power | None = None

    def sentences(self) -> list[str]:
        """What a report says besides the reason, which has the power."""
        miss = [] if self.miss is None else [self.miss.sentence()]
        return miss + [one.sentence() for one in self.unseen]


def odds_as_json(odds: Odds | None) -> dict[str, Any]:
    """The fields of a JSON finding; all are there, and empty where nothing is known."""
    miss, power = (None, None) if odds is None else (odds.miss, odds.power)
    return {
        "drawn": 0 if odds is None else odds.drawn,
        "miss_bound": {} if miss is None else {str(depth): bound for depth, bound in miss.bounds},
        "miss_bound_for": None
        if miss is None
        else {
            "tasks": miss.tasks,
            "choices": miss.choices,
            "executions": {str(depth): number for depth, number in miss.executions},
            "why_not": miss.why_not,
        },
        "unseen": [] if odds is None else [asdict(one) for one in odds.unseen],
        "power": None if power is None else asdict(power),
        "worth": [] if odds is None else odds.sentences(),
    }


def odds_of(found: Exploration) -> Odds:
    """What the executions of a search, none of which failed, are worth."""
    tallies = found.behaviours.tallies.items()
    unseen = [one for name, tally in tallies if (one := unseen_of(name, tally)) is not None]
    miss = None if found.promise is None else miss_bound_of(found.promise)
    return Odds(found.drawn, miss, tuple(unseen))


def miss_bound_of(promise: Promise) -> MissBound | None:
    """The bound for each depth that was asked for."""
    depths = promise.depths
    if not depths:
        return None
    if promise.broken is not None:
        return MissBound((), (), promise.tasks, promise.choices, promise.broken)
    return MissBound(
        tuple((depth, promise.miss(depth)) for depth in depths),
        tuple((depth, promise.counted(depth)) for depth in depths),
        promise.tasks,
        promise.choices,
    )


def unseen_of(strategy: str, tally: Tally) -> Unseen | None:
    """The estimate of Good, "The Population Frequencies of Species", Biometrika 40, 1953.

    Its upper bound is exact: what the later half of the executions shows that the earlier half did
    not is binomial (Clopper and Pearson 1934), and what is still unseen in the end is no more.
    McAllester and Schapire, "On the Convergence Rate of Good-Turing Estimators", COLT 2000, bound
    the estimate itself, by more than 60 % when 100 executions were looked at.
    """
    classes = tally.classes
    if len(classes) < FEWEST or tally.alike_from > len(classes) // 2:
        return None  # too few; or the later ones were drawn in several ways
    known, later = set(classes[: len(classes) // 2]), classes[len(classes) // 2 :]
    new = sum(one not in known for one in later)
    seen = Counter(classes)
    once = sum(number == 1 for number in seen.values())
    estimate = once / len(classes)
    bound = max(upper_bound(new, len(later), CONFIDENCE), estimate)
    return Unseen(strategy, len(classes), len(seen), once, estimate, bound)


def power_of(control: str, found: Exploration, passes: int) -> Power:
    """What ``passes`` executions without a failure mean beside those of the control."""
    failures, executions = found.drawn_failures, found.drawn
    side = 1.0 - (1.0 - CONFIDENCE) / 2
    low = lower_bound(failures, executions, side)
    high = upper_bound(failures, executions, side)
    why_not = None
    if found.lost:
        why_not = f"its control {control} was lost: {found.lost[0].splitlines()[0]}"
    elif not passes or not executions:
        why_not = "the executions were not drawn at random"
    elif not failures:
        why_not = f"its control {control} did not fail in {executions} executions"
    at_most = None if why_not else (1.0 - low) ** passes
    first = found.failed.failures[0] if found.failed else None
    failed_with = None if first is None else f"{first.type} at {first.where}"
    return Power(control, failures, executions, low, high, passes, at_most, failed_with, why_not)


def rounded_up(share: float) -> str:
    """Two digits, never less than it is."""
    return _rounded(share, ceil)


def rounded_down(share: float) -> str:
    """Two digits, never more than it is."""
    return _rounded(share, floor)


def _rounded(share: float, way: Callable[[float], int]) -> str:
    if share <= LEAST:
        return f"{LEAST:.0e}" if share and way is ceil else "0%"
    scale = 10.0 ** (1 - floor(log10(share)))
    digits = way(round(share * scale, 9)) / scale
    if digits < 1e-4:
        return f"{digits:.1e}"
    return "100%" if digits > 0.99 else f"{100 * digits:.2g}%"
