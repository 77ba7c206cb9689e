"""One injection: armed at a place, it decides at each call whether it fires, and counts that."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Any

from pytest_racecheck.engine.carrier import allocate_gate, raw_acquire, raw_release
from pytest_racecheck.engine.failure import place as short_place
from pytest_racecheck.engine.failure import user_frame
from pytest_racecheck.errors import Misplaced
from pytest_racecheck.faults import ledger
from pytest_racecheck.faults.ledger import run_number
from pytest_racecheck.faults.places import AFTER, Place, find_place
from pytest_racecheck.faults.stand_in import put_in_front
from pytest_racecheck.faults.until_the_end import UntilTheEnd
from pytest_racecheck.faults.waiting import coin, execution_here, who
from pytest_racecheck.probes import points

Proceed = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class When:
    """At which arrivals an injection fires.

    ``by``: only in the thread of this name.  ``skip``: not the first so many times that it is
    reached.  ``times``: at most so often.  ``chance``: with this probability on free threads; under
    control whether it fires is then a choice of the schedule, and both are tried.
    ``unfired_ok``: it is no mistake when it never fires.  ``seed``: of what is drawn.
    """

    by: str | None = None
    skip: int = 0
    times: int | None = None
    chance: float | None = None
    unfired_ok: bool = False
    seed: int = 0

    def checked(self) -> When:
        """Itself; raises Misplaced for a value that makes no sense."""
        if self.chance is not None and not (is_number(self.chance) and 0 < self.chance <= 1):
            raise Misplaced(f"chance={self.chance!r:.40}: expected a number above 0, at most 1")
        for name, value in (("skip", self.skip), ("times", self.times or 0), ("seed", self.seed)):
            if not (is_number(value) and value == int(value) and value >= 0):
                raise Misplaced(f"{name}={value!r:.40}: expected a whole number, 0 or more")
        return self

    def told(self) -> str:
        """What restricts it, in words."""
        parts = [
            f"by {self.by}" if self.by is not None else "",
            f"not the first {self.skip} times" if self.skip else "",
            f"at most {self.times} times" if self.times is not None else "",
            f"with chance {self.chance:g}" if self.chance is not None else "",
        ]
        return "".join(f", {part}" for part in parts if part)


def is_number(value: object) -> bool:
    """Whether it is a number to count or measure with, and finite."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)


def when_of(options: dict[str, Any]) -> When:
    """The options of an injection; raises Misplaced for one that there is not."""
    known = list(When.__dataclass_fields__)
    for name in options:
        if name not in known:
            raise Misplaced(f"there is no option {name!r}; expected one of {', '.join(known)}")
    return When(**options).checked()


class Injection(UntilTheEnd):
    """A context manager; it is armed from its making until ``disarm`` or the end of ``with``.

    ``options`` are those of ``When``.  All counts begin anew with each execution.
    """

    what = "something"

    def __init__(self, where: str, **options: Any) -> None:
        self._reached = self._fired = self._reached_ever = self._fired_ever = 0
        self._mutex = allocate_gate()
        self._execution = self._armed_in = execution_here()
        self._when = when_of(options)
        self.place: Place = find_place(where)
        self.sentence = f"{self.what} at {where!r}{self._when.told()}, armed at {_armed_at()}"
        self._counted = ledger.current() is not None
        self._count()
        self._armed = True
        _spots.add(self)

    def __repr__(self) -> str:
        return f"<{self.sentence}: fired {self._fired} of {self._reached} times>"

    # --- what a kind of injection does -----------------------------------------------------------

    def act(self) -> None:
        """What happens at the place; raises what it injects."""

    def begin(self) -> None:
        """A new execution begins: forget what the last one left."""

    def around(self, proceed: Proceed, args: tuple[Any, ...]) -> Any:
        """Call ``proceed()``, the real call with ``args``, and act before or after it."""
        if self.place.when == AFTER:
            value = proceed()
            if self.fires():
                self.act()
            return value
        if self.fires():
            self.act()
        return proceed()

    # --- whether it fires ------------------------------------------------------------------------

    @property
    def fired(self) -> int:
        """How often it fired in this execution."""
        return self._fired

    def fires(self) -> bool:
        """Count one arrival of the calling thread, and decide."""
        if self._when.by is not None and who() != self._when.by:
            return False
        execution = execution_here()
        if execution is None and self._armed_in is not None:
            return False  # of a thread that is not under control, and has no part in the test
        self.begin_if_new()
        raw_acquire(self._mutex)  # of free threads; under control nobody else moves meanwhile
        try:
            self._reached += 1
            fires = self._decides(free=execution is None)
            self._fired += fires
            self._reached_ever += 1
            self._fired_ever += fires
            self._count(1, fires)
        finally:
            raw_release(self._mutex)
        return fires

    def _decides(self, *, free: bool) -> bool:
        when = self._when
        if self._reached <= when.skip or (when.times is not None and self._fired >= when.times):
            return False
        chance = when.chance
        return chance is None or coin(lambda: not free or self.dice().random() < chance)

    def begin_if_new(self) -> None:
        """Forget what the last execution left, when another one has begun."""
        execution = execution_here()
        if execution is not None and execution is not self._execution:
            self._execution, self._reached, self._fired = execution, 0, 0
            self.begin()

    def dice(self) -> random.Random:
        """Of the latest arrival: the same in every execution, another one in every run."""
        parts = (self._when.seed, run_number(), self.sentence, who(), self._reached)
        return random.Random("/".join(map(str, parts)))

    def _count(self, reached: int = 0, fired: bool = False) -> None:
        counts = ledger.current()
        if counts is not None:
            counts.note(self.sentence, not self._when.unfired_ok, reached, int(fired))

    # --- arming ----------------------------------------------------------------------------------

    def disarm(self, *, complain: bool = True) -> None:
        """Put everything back; raises NeverFired if it never fired and nobody else counts."""
        if not self._armed:
            return
        self._armed = False
        _spots.remove(self)
        self.end(complain)
        if complain and not self._counted and execution_here() is None:
            needed = not self._when.unfired_ok
            told = ledger.Injected(self.sentence, self._reached_ever, self._fired_ever, needed)
            ledger.refuse_unfired((told,))

    def end(self, quiet: bool) -> None:
        """It is disarmed: let go whoever it holds; ``quiet`` says that nothing went wrong."""


def _armed_at() -> str:
    frame = user_frame(sys._getframe(2))
    return "unknown" if frame is None else short_place(frame.f_code.co_filename, frame.f_lineno)


class _Spots:
    """Who is armed where; several at one place act in the order in which they were armed."""

    def __init__(self) -> None:
        self._at: dict[Any, tuple[list[Injection], Callable[[], None]]] = {}
        self._mutex = allocate_gate()  # free threads arm and disarm as they like

    def add(self, injection: Injection) -> None:
        """Arm it."""
        key = self._key(injection.place)
        raw_acquire(self._mutex)
        try:
            if key not in self._at:
                armed: list[Injection] = []
                # Looked up anew: another thread may just have put the real one back.
                self._at[key] = (armed, _watched(find_place(injection.place.where), armed))
            self._at[key][0].append(injection)
        finally:
            raw_release(self._mutex)

    def remove(self, injection: Injection) -> None:
        """Disarm it; with the last one at a place goes what was put in front of it."""
        key = self._key(injection.place)
        raw_acquire(self._mutex)
        try:
            armed, undo = self._at[key]
            armed.remove(injection)
            if not armed:
                del self._at[key]
                undo()
        finally:
            raw_release(self._mutex)

    def __len__(self) -> int:
        return sum(len(armed) for armed, _ in self._at.values())

    @staticmethod
    def _key(place: Place) -> Any:
        return place.where if place.is_probe else (id(place.holder), place.name)


_spots = _Spots()


def armed_count() -> int:
    """How many injections are armed now."""
    return len(_spots)


def _watched(place: Place, armed: list[Injection]) -> Callable[[], None]:
    """See to it that ``armed`` hears of every call; returns what ends that."""
    if place.is_probe:
        return points.intercept(place.where, lambda: _through(tuple(armed), (), lambda: None))

    def dispatch(real: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return _through(tuple(armed), args, lambda: real(*args, **kwargs))

    return put_in_front(place, dispatch)


def _through(armed: tuple[Injection, ...], args: tuple[Any, ...], proceed: Proceed) -> Any:
    """The real call with all injections around it, the first one outermost."""
    for injection in reversed(armed):
        if _concerns(injection.place.of, args):
            proceed = _with_one(injection, args, proceed)
    return proceed()


def _with_one(injection: Injection, args: tuple[Any, ...], proceed: Proceed) -> Proceed:
    return lambda: injection.around(proceed, args)


def _concerns(of: Any, args: tuple[Any, ...]) -> bool:
    if of is None:
        return True
    if not args:
        return False
    return isinstance(args[0], of) if isinstance(of, type) else args[0] is of
