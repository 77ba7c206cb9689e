"""From a strategy's name to the strategy: the table that options and files refer to."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pytest_racecheck.engine.recording import Recording
from pytest_racecheck.engine.schedule import Schedule
from pytest_racecheck.engine.strategies.around import Around
from pytest_racecheck.engine.strategies.base import Strategy
from pytest_racecheck.engine.strategies.dpor import Reduced
from pytest_racecheck.engine.strategies.exhaustive import Exhaustive
from pytest_racecheck.engine.strategies.kinds import PriorityByKind
from pytest_racecheck.engine.strategies.pct import PCT
from pytest_racecheck.engine.strategies.portfolio import Portfolio
from pytest_racecheck.engine.strategies.pos import PartialOrderSampling
from pytest_racecheck.engine.strategies.prefix import Prefix
from pytest_racecheck.engine.strategies.random_walk import RandomWalk
from pytest_racecheck.engine.strategies.recorded import Replay, Scripted
from pytest_racecheck.engine.strategies.surw import SelectivelyUniform
from pytest_racecheck.engine.strategies.swarm import Swarm
from pytest_racecheck.engine.strategies.tolerant import Tolerant
from pytest_racecheck.errors import UsageError

DEFAULT_PREEMPTIONS = 2
#: How a schedule is replayed; the last two go on to other schedules.
REPLAY_MODES = ("exact", "tolerant", "prefix", "around")
SEARCHING_MODES = ("prefix", "around")


@dataclass(frozen=True)
class StrategyOptions:
    """Everything a strategy may need; those that do not need a value refuse it."""

    seed: int = 0
    depth: int | Sequence[int] | None = None
    preemptions: int | None = None
    script: Sequence[str] | None = None
    schedule: str | None = None
    mode: str | None = None  # of a replay
    upto: int | None = None  # choices to follow in mode "prefix"
    then: str | None = None  # the strategy behind the prefix
    recording: Recording | None = None  # instead of a schedule
    points: str = "access"


def _bounded(options: StrategyOptions) -> Strategy:
    given = options.preemptions
    return Exhaustive(DEFAULT_PREEMPTIONS if given is None else given)


def _portfolio(options: StrategyOptions) -> Strategy:
    seed = options.seed
    uniform = SelectivelyUniform(seed)
    # The reduction needs to see reads and writes, which have no gates at the other level.
    systematic = Reduced() if options.points == "access" else Exhaustive()
    others = (
        uniform,
        PartialOrderSampling(seed),
        uniform,  # the best hunter of most programs has two turns (docs/decisions/0016)
        RandomWalk(seed),
        PriorityByKind(seed),
    )
    return Portfolio(systematic, others)


def _scripted(options: StrategyOptions) -> Strategy:
    if not options.script:
        raise UsageError("strategy 'scripted' needs script=[...]: names of tasks, in their order")
    if isinstance(options.script, str) or not all(isinstance(n, str) for n in options.script):
        raise UsageError(f"script must be a list of names of tasks, got {options.script!r}")
    return Scripted(options.script)


def _replay(options: StrategyOptions) -> Strategy:
    recording, mode = options.recording, options.mode or "exact"
    text = options.schedule if recording is None else recording.schedule
    if text is None:
        raise UsageError("strategy 'replay' needs schedule='rc1:...', as a report prints it")
    if mode not in REPLAY_MODES:
        raise UsageError(f"mode={mode!r}: expected one of {', '.join(REPLAY_MODES)}")
    for name in ("upto", "then"):
        if mode != "prefix" and getattr(options, name) is not None:
            raise UsageError(f"a replay in mode {mode!r} ignores {name}; it belongs to 'prefix'")
    if mode != "around" and options.preemptions is not None:
        raise UsageError(f"a replay in mode {mode!r} ignores preemptions; it belongs to 'around'")
    schedule = Schedule.parse(text)
    if mode == "exact":
        return Replay(schedule)
    if mode == "prefix":
        return _prefix(schedule, options)
    moves = (recording or Recording.of_text(text)).moves
    bound = options.preemptions
    return Tolerant(moves) if mode == "tolerant" else Around(moves, 1 if bound is None else bound)


def _prefix(schedule: Schedule, options: StrategyOptions) -> Strategy:
    upto, most = options.upto, len(schedule.choices)
    if type(upto) is not int or not 0 <= upto <= most:
        raise UsageError(
            f"a replay in mode 'prefix' needs upto, how many of the {most} choices to follow; "
            f"got {upto!r}"
        )
    then = options.then or "random"
    if then in ("replay", "scripted"):
        raise UsageError(f"then={then!r} follows one order; name a strategy that searches")
    return Prefix(schedule, upto, make_strategy(then, StrategyOptions(options.seed)))


#: name -> (how to make it, the options it understands besides the seed)
_TABLE: dict[str, tuple[Callable[[StrategyOptions], Strategy], tuple[str, ...]]] = {
    "portfolio": (_portfolio, ()),
    "random": (lambda options: RandomWalk(options.seed), ()),
    "pct": (lambda options: PCT(options.seed, options.depth or 3), ("depth",)),
    "pos": (lambda options: PartialOrderSampling(options.seed), ()),
    "surw": (lambda options: SelectivelyUniform(options.seed), ()),
    "swarm": (lambda options: Swarm(options.seed), ()),
    "kinds": (lambda options: PriorityByKind(options.seed), ()),
    "exhaustive": (lambda _: Reduced(), ()),
    "bounded": (_bounded, ("preemptions",)),
    "scripted": (_scripted, ("script",)),
    "replay": (_replay, ("schedule", "mode", "upto", "then", "recording", "preemptions")),
}
STRATEGY_NAMES = tuple(_TABLE)


def understood_by(name: str) -> tuple[str, ...]:
    """The options that the strategy takes besides the seed; none when there is no such strategy."""
    return _TABLE[name][1] if name in _TABLE else ()


def make_strategy(name: str, options: StrategyOptions) -> Strategy:
    """Make the strategy; UsageError for a wrong name or an option that it would ignore."""
    if name not in _TABLE:
        near = difflib.get_close_matches(str(name), STRATEGY_NAMES, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"unknown strategy {name!r}: one of {', '.join(STRATEGY_NAMES)}{hint}")
    make, understood = _TABLE[name]
    for option in (
        "depth",
        "preemptions",
        "script",
        "schedule",
        "mode",
        "upto",
        "then",
        "recording",
    ):
        value = getattr(options, option)
        if value is not None and option not in understood:
            owner = next(n for n, (_, known) in _TABLE.items() if option in known)
            raise UsageError(f"strategy {name!r} ignores {option}; it belongs to {owner!r}")
    _check_numbers(options)
    return make(options)


def _check_numbers(options: StrategyOptions) -> None:
    given = options.depth
    depths = given if isinstance(given, (list, tuple)) else (given,)
    numbers = [("seed", None, options.seed), ("preemptions", 0, options.preemptions)]
    for option, least, value in [*numbers, *(("depth", 1, one) for one in depths)]:
        if value is None and option != "seed":
            continue
        if type(value) is not int or (least is not None and value < least):
            bound = "" if least is None else f" of at least {least}"
            raise UsageError(f"{option} must be a whole number{bound}, got {value!r}")
