"""Threads that meet, wait for each other or are held at a place, each with a deadline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_racecheck.engine.carrier import allocate_gate, raw_acquire, raw_release
from pytest_racecheck.errors import Misplaced, NotMet, UsageError
from pytest_racecheck.faults.injection import Injection, Proceed, is_number
from pytest_racecheck.faults.places import AFTER
from pytest_racecheck.faults.until_the_end import UntilTheEnd
from pytest_racecheck.faults.waiting import caller, execution_here, reach, wait_for, who

WITHIN_S = 5.0


class Meeting(Injection):
    """``n`` threads meet at the place; then all go on, and the next ``n`` may meet."""

    def __init__(self, where: str, n: int, within_s: float, **options: Any) -> None:
        if not (is_number(n) and n == int(n) and n >= 2):
            raise Misplaced(f"n={n!r}: expected how many threads are to meet, 2 or more")
        refuse_no_time(within_s)
        self._n, self._within_s = n, within_s
        self._here = self._met = 0
        self._gate = allocate_gate()
        self.what = f"barrier of {n}"
        super().__init__(where, **options)

    def begin(self) -> None:
        """Nobody is there."""
        self._here = 0

    def act(self) -> None:
        """Wait for the others."""
        reach(f"barrier at {self.place.where}")
        meeting = self._arrive()
        if meeting == self._met and not self._all_come(meeting):
            here = self._here
            self._leave()
            raise NotMet(
                f"barrier at {self.place.where!r}: {here} of {self._n} threads came within "
                f"{self._within_s:g} s, {who()} among them"
            )

    def _all_come(self, meeting: int) -> bool:
        text = f"the others at {self.place.where}"
        return wait_for(lambda: self._met != meeting, text, self._within_s)

    def end(self, quiet: bool) -> None:
        """Nobody waits any longer."""
        self._met += 1

    def _arrive(self) -> int:
        raw_acquire(self._gate)
        try:
            meeting = self._met
            self._here += 1
            if self._here == self._n:
                self._here = 0
                self._met += 1
            return meeting
        finally:
            raw_release(self._gate)

    def _leave(self) -> None:
        raw_acquire(self._gate)
        self._here -= 1
        raw_release(self._gate)


class Hold(Injection):
    """Threads that come to the place stay there until ``release``."""

    def __init__(self, where: str, within_s: float, **options: Any) -> None:
        refuse_no_time(within_s)
        self._within_s = within_s
        self._open, self._here = False, 0
        self.what = "hold"
        super().__init__(where, **options)

    def begin(self) -> None:
        """Closed, and nobody there."""
        self._open, self._here = False, 0

    def act(self) -> None:
        """Stay."""
        reach(f"hold at {self.place.where}")
        self._here += 1
        if not wait_for(lambda: self._open, f"the release at {self.place.where}", self._within_s):
            raise NotMet(
                f"hold at {self.place.where!r}: {who()} was not released within "
                f"{self._within_s:g} s; call release()"
            )

    def wait(self, n: int = 1) -> None:
        """Until ``n`` threads are held, or were; raises NotMet when they do not come."""
        self.begin_if_new()
        if not wait_for(lambda: self._here >= n, f"{n} at {self.place.where}", self._within_s):
            raise NotMet(
                f"hold at {self.place.where!r}: {self._here} of {n} threads came within "
                f"{self._within_s:g} s"
            )

    def release(self) -> None:
        """Let them go on, and all who come later."""
        reach(f"release of {self.place.where}")
        self._open = True

    def end(self, quiet: bool) -> None:
        """Nobody is held any longer."""
        self._open = True


class _Step(Injection):
    """One step of an order: waits for the steps before it, and is done when it has passed."""

    def __init__(self, where: str, order: Order, at: int, by: str | None, **options: Any) -> None:
        self._order, self.at = order, at
        self.what = f"step {at + 1} of an order"
        self._moment = str(where).endswith((":before", ":after"))
        super().__init__(where, by=by, times=1, **options)

    def concerns_caller(self) -> bool:
        """Whether the step is to be made by the calling thread."""
        return self._when.by is None or self._when.by == who()

    def around(self, proceed: Proceed, args: tuple[Any, ...]) -> Any:
        """Wait, call, say that it is done; with :before or :after that moment is the step."""
        self._order.begin_if_new()
        if not self._order.claims(self.at):
            return proceed()
        try:
            self.fires()
            return self._made(proceed)
        finally:
            self._order.leave(self.at)

    def _made(self, proceed: Proceed) -> Any:
        order, where = self._order, self.place.where
        value = proceed() if self.place.when == AFTER else None
        order.wait_for_turn(self.at, where)
        if self._moment or self.place.is_probe:
            order.done(self.at, where)
            return value if self.place.when == AFTER else proceed()
        try:
            return proceed()
        finally:
            order.done(self.at, where)


class Order(UntilTheEnd):
    """The places are passed in this order; a context manager, as an injection is."""

    def __init__(self, places: Sequence[Any], within_s: float, **options: Any) -> None:
        refuse_no_time(within_s)
        if isinstance(places, str) or len(places) < 2:
            raise Misplaced(f"order {places!r:.60}: expected a list of two places or more")
        self._within_s = within_s
        self._execution = execution_here()
        self._taken: set[int] = set()
        self._done: set[int] = set()
        self._busy: set[tuple[object, str]] = set()
        self._steps: list[_Step] = []
        try:
            for at, one in enumerate(places):
                where, by = one if isinstance(one, tuple) and len(one) == 2 else (one, None)
                self._steps.append(_Step(where, self, at, by, **options))
        except BaseException:
            self.disarm(complain=False)
            raise

    @property
    def fired(self) -> int:
        """How many steps were made in this execution."""
        return len(self._done)

    def begin_if_new(self) -> None:
        """Begin anew in each execution."""
        execution = execution_here()
        if execution is not None and execution is not self._execution:
            self._execution = execution
            self._taken, self._done, self._busy = set(), set(), set()

    def claims(self, at: int) -> bool:
        """Whether the call that the caller is in makes step ``at``: at most one, and each once."""
        step, key = self._steps[at], (caller(), self._steps[at].place.where)
        if at in self._taken or key in self._busy or not step.concerns_caller():
            return False
        earlier = [one for one in self._steps[:at] if one.place.where == step.place.where]
        if any(one.at not in self._taken and one.concerns_caller() for one in earlier):
            return False
        self._taken.add(at)
        self._busy.add(key)
        return True

    def leave(self, at: int) -> None:
        """The call that made the step is over."""
        self._busy.discard((caller(), self._steps[at].place.where))

    def wait_for_turn(self, at: int, where: str) -> None:
        """Until every step before it is done; raises NotMet at the deadline."""
        if not wait_for(lambda: len(self._done) >= at, f"its turn at {where}", self._within_s):
            missing = self._steps[min(set(range(at)) - self._done)].place.where
            raise NotMet(
                f"order: {where!r} came, but {missing!r}, which is to be before it, did not "
                f"within {self._within_s:g} s"
            )

    def done(self, at: int, where: str) -> None:
        """Say that the step is made."""
        reach(f"step {at + 1} at {where}")
        self._done.add(at)

    def disarm(self, *, complain: bool = True) -> None:
        """Take every step away; raises NeverFired as an injection does."""
        steps, self._steps = self._steps, []
        self._done = set(range(len(steps)))
        first: BaseException | None = None
        for step in steps:
            try:
                step.disarm(complain=complain and first is None)
            except UsageError as error:
                first = first or error
        if first is not None:
            raise first


def refuse_no_time(within_s: Any) -> None:
    """Raise Misplaced for what is no deadline."""
    if not (is_number(within_s) and 0 < within_s <= 86_400):
        raise Misplaced(f"within_s={within_s!r:.40}: expected seconds above 0, at most 86400")
