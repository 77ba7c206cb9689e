"""One run under watch: near misses are noted, threads held, and who meets is caught (TSVD).

A gate tells of each call before it happens.  Nothing that is guessed is ever reported: a meeting
has one thread held just before its call while another one comes to a call of the same object, so
neither a lock nor anything else orders the two.
"""

from __future__ import annotations

import _thread
import itertools
import random
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from pytest_racecheck.free.nearmiss.births import Threads, current
from pytest_racecheck.free.nearmiss.budget import Budget
from pytest_racecheck.free.nearmiss.contracts import (
    WHOLE,
    Contracts,
    Effect,
    broken_rule,
    touch,
)
from pytest_racecheck.free.nearmiss.meeting import LeftOut, Meeting, Side, stack_from
from pytest_racecheck.free.nearmiss.order import Cell, Order
from pytest_racecheck.free.nearmiss.pairs import CLOSE, MEET, READY, WINDOW_S, Pair, Pairs
from pytest_racecheck.free.nearmiss.site import Site
from pytest_racecheck.free.nearmiss.traps import Trap

#: Accesses of an object that are remembered, and sites after a delay that it may have held up.
NEAR = 5
MOST_OBJECTS = 5000
MOST_MEETINGS = 20
#: So soon after a delay comes who waited for its end, by way of a lock for instance.
PROMPT_S = 0.006
_clock = time.monotonic
_numbers = itertools.count(1)


class _Access(NamedTuple):
    """One call that comes next: of which thread, when, where, and what it does."""

    thread: int
    at_s: float
    site: Site
    effect: Effect
    part: Any
    passage: int


class Watch:
    """One run.  ``prepared``: pairs come from an earlier run, so that order may be disturbed.

    ``left_out`` tells which source files are no part of a stack, ``dull`` is told of a site that is
    passed all the time for nothing.
    """

    def __init__(
        self,
        pairs: Pairs,
        contracts: Contracts,
        threads: Threads,
        *,
        seed: str,
        budget: Budget,
        left_out: LeftOut = lambda _: False,
    ) -> None:
        self.pairs, self.contracts, self.threads, self.budget = pairs, contracts, threads, budget
        self.meetings: list[Meeting] = []
        self.caught: list[Pair] = []
        self.held: dict[tuple[str, str, str], int] = {}
        self._seed, self._left_out = seed, left_out
        self.dull: Callable[[Site], None] = lambda _: None
        self._earlier = {(pair.kind, pair.first, pair.second) for pair in pairs}
        self._order = Order(pairs, threads)
        self.born = threads.born
        self._near: dict[int, deque[_Access]] = {}
        self.traps: dict[int, list[Trap]] = {}
        self._in_vain: deque[Trap] = deque(maxlen=8)
        self._last_s: dict[int, float] = {}
        self._after: dict[int, tuple[str, int, set[str]]] = {}
        self._passages: dict[str, int] = {}
        self._dice: dict[str, random.Random] = {}
        self._inside: set[int] = set()
        self._delaying = False
        self._lock = _thread.allocate_lock()
        self._began_s = _clock()
        self.number = next(_numbers)

    # ------------------------------------------------------------------ what the gates tell

    def arrive(self, site: Site, target: object, effect: Effect, part: Any) -> None:
        """The calling thread is about to do ``effect`` to ``part`` of ``target``; may hold it."""
        me = self.threads.me()
        if me in self._inside:  # a finaliser or a signal handler ran among our own lines
            return
        self._inside.add(me)
        try:
            if effect.closable:
                self._of_order(site, (id(target), None), me, closes=effect.closes)
                if effect.parent is not None:
                    parent = getattr(target, effect.parent, None)
                    self._of_order(site, (id(parent), None), me, closes=False)
            if effect.meets:
                self._of_meeting(site, target, effect, part, me)
        finally:
            self._inside.discard(me)

    def is_dull(self, site: Site) -> None:
        """It is passed all the time, and nothing came of it."""
        if not self.pairs.live_in(site.prefix):
            self.dull(site)

    def use(self, site: Site, cell: Cell) -> None:
        """The calling thread is about to read an attribute or a global."""
        me = self.threads.me()
        if me in self._inside:
            return
        self._inside.add(me)
        try:
            self._of_order(site, cell, me, closes=False)
        finally:
            self._inside.discard(me)

    def ready(self, site: Site, cell: Cell) -> None:
        """The calling thread is about to assign the first value of an attribute or a global."""
        self._assign(site, cell, READY)

    def gone(self, site: Site, cell: Cell) -> None:
        """It is about to delete it, or to set it to None."""
        self._assign(site, cell, CLOSE)

    def _assign(self, site: Site, cell: Cell, kind: str) -> None:
        me = self.threads.me()
        if me in self._inside:
            return
        self._inside.add(me)
        try:
            with self._lock:
                note = self._order.made_ready if kind == READY else self._order.closed
                note(cell, me, site.key, _clock())
            if kind == READY:
                self._delay_of_order(site, cell, READY)
        finally:
            self._inside.discard(me)

    # ------------------------------------------------------------------------------ order

    def _of_order(self, site: Site, cell: Cell, me: int, *, closes: bool) -> None:
        with self._lock:
            note = self._order.closed if closes else self._order.used
            note(cell, me, site.key, _clock())
        if not closes:
            self._delay_of_order(site, cell, CLOSE)

    def _delay_of_order(self, site: Site, cell: Cell, kind: str) -> None:
        """Hold this thread for longer than the gap, so that the other one goes first."""
        pair = self._due(site, (kind,), self._order.visits.get(site.key, 0))
        if pair is None or (pair.kind, pair.first, pair.second) not in self._earlier:
            return
        partner = (pair.second, cell[0])
        with self._lock:
            elapsed_s = _clock() - self._began_s
            if self._delaying or not self.budget.allows(pair.delay_s, elapsed_s, sure=pair.found):
                return
            self._delaying = True
            before = self._order.came.get(partner, 0)
            self._spend(pair)
        try:
            time_out(pair.delay_s)
        finally:
            self._delaying = False
            self._order.disturbed_s = _clock()
        if self._order.came.get(partner, 0) == before:
            pair.in_vain()

    # --------------------------------------------------------------------------- meetings

    def _of_meeting(self, site: Site, target: object, effect: Effect, part: Any, me: int) -> None:
        with self._lock:
            passage = self._passages[site.key] = self._passages.get(site.key, 0) + 1
            access = _Access(me, _clock(), site, effect, part, passage)
            met = self._spring(access, target)
            self._infer_order(site, me, access.at_s)
            pair = self._due(site, (MEET,), passage)  # not one that this very call makes known
            informed = self._note(access, target)
            trap = None if met else self._set(access, target, informed, pair)
        if trap is None:
            return
        try:
            trap.hold()
        finally:
            with self._lock:
                self._lift(trap)

    def _spring(self, access: _Access, target: object) -> bool:
        """Whether somebody is held at this object, and both together break a rule.

        Where they break none this one goes first, which may go wrong by itself.  Who acts on what
        was seen stays held: a look may be followed by a write.
        """
        met = False
        for trap in self.traps.get(id(target), ()):
            mine = trap.thread == access.thread
            if mine or not touch(trap.effect, trap.part, access.effect, access.part):
                continue
            held = _as_it_is(trap.effect, trap.site, target, trap.part)
            came = _as_it_is(access.effect, access.site, target, access.part)
            rule = broken_rule(held, trap.informed, came, self.contracts.strict)
            if rule is not None:
                met = trap.met = True
                self._meet(trap, access, target, rule)
            if rule is not None or (access.effect.writes and not trap.informed):
                trap.release()
        return met

    def _meet(self, trap: Trap, access: _Access, target: object, rule: str) -> None:
        site = access.site
        waited_s = access.at_s - trap.began_s
        self.caught.append(self.pairs.caught(trap.site.key, site.key, waited_s))
        if len(self.meetings) < MOST_MEETINGS:
            held = Side(trap.name, trap.site.shown, trap.site.where, trap.stack)
            came = Side(_name(), site.shown, site.where, self._stack())
            self.meetings.append(Meeting(type(target).__name__, held, came, rule))

    def _infer_order(self, site: Site, me: int, now_s: float) -> None:
        """Whose delay held this thread up as well, happens before what it does next (TSVD).

        We differ: it must have been silent all the while and come right afterwards, since delays
        are little longer than gaps here; and each delay counts once.
        """
        last_s = self._last_s.get(me, self.threads.born.get(me))
        self._last_s[me] = now_s
        if last_s is not None:
            for trap in self._in_vain:
                silent = last_s <= trap.began_s and 0 <= now_s - trap.ended_s <= PROMPT_S
                if trap.thread != me and silent:
                    self._after[me] = (trap.site.key, NEAR, set())
        if me in self._after:
            before, left, counted = self._after.pop(me)
            if site.key not in counted:
                counted.add(site.key)
                self.pairs.order(before, site.key)
            if left > 1:
                self._after[me] = (before, left - 1, counted)

    def _note(self, access: _Access, target: object) -> bool:
        """Near misses with the last accesses; whether this thread looked at the same before."""
        near = self._near.get(id(target))
        if near is None:
            if len(self._near) >= MOST_OBJECTS:
                self._near.clear()
            near = self._near[id(target)] = deque(maxlen=NEAR)
        informed = False
        for other in near:
            if other.thread != access.thread:
                self._note_pair(other, access)
            elif other.site.function == access.site.function:
                informed |= other.effect.does == "look" and _same(other.part, access.part)
                if other.site is not access.site:
                    self.pairs.leads_on(other.site.key)
        if near and near[-1].thread == access.thread and near[-1].site is access.site:
            near[-1] = access  # a loop of one thread must not push the others out
        else:
            near.append(access)
        return informed

    def _note_pair(self, other: _Access, access: _Access) -> None:
        gap_s = access.at_s - other.at_s
        if gap_s > WINDOW_S or self.threads.order(other.thread, other.at_s, access.thread):
            return
        if touch(other.effect, other.part, access.effect, access.part):
            sites = (other.site.key, access.site.key)
            disturbed = other.at_s <= self._order.disturbed_s
            self.pairs.near_miss(MEET, *sites, gap_s, other.passage, disturbed=disturbed)

    def _set(
        self, access: _Access, target: object, informed: bool, pair: Pair | None
    ) -> Trap | None:
        """Hold the calling thread, unless that would only move both sides by the same time.

        That is so where another one is held at the same object already, and before the first of
        several calls that are harmless one by one: the danger is between them.
        """
        if pair is None or id(target) in self.traps:
            return None
        effect = access.effect
        begins = pair.leads_on and pair.first == access.site.key and not pair.found
        if effect.one_piece and not informed and (effect.does == "look" or begins):
            return None
        elapsed_s = access.at_s - self._began_s
        if not self.budget.allows(pair.delay_s, elapsed_s, sure=pair.found):
            return None
        self._spend(pair)
        trap = Trap(
            *(access.thread, _name(), access.site, target),
            *(access.effect, access.part, informed, pair),
            stack=self._stack(),
            began_s=access.at_s,
            delay_s=pair.delay_s,
        )
        self.traps.setdefault(id(target), []).append(trap)
        return trap

    def _lift(self, trap: Trap) -> None:
        trap.ended_s = self._order.disturbed_s = _clock()
        self._last_s[trap.thread] = trap.ended_s
        self.budget.give_back(max(0.0, trap.delay_s - (trap.ended_s - trap.began_s)))
        others = self.traps[id(trap.target)]
        others.remove(trap)
        if not others:
            del self.traps[id(trap.target)]
        if not trap.met:
            trap.pair.in_vain()
            self._in_vain.append(trap)
        trap.target = None  # the object must not live longer because we remember its trap

    # ------------------------------------------------------------------------------ both

    def _due(self, site: Site, kinds: tuple[str, ...], passage: int) -> Pair | None:
        if not self.pairs.named(site.key) or not _thread._count():
            return None  # nobody else is there who could come
        dice = self._dice.get(site.key)
        if dice is None:  # its own for each site: the draws do not depend on who came first
            dice = self._dice[site.key] = random.Random(f"{self._seed}:{site.key}")
        return self.pairs.due(site.key, kinds, dice.random(), passage)

    def _spend(self, pair: Pair) -> None:
        self.budget.spend(pair.delay_s)
        key = (pair.kind, pair.first, pair.second)
        self.held[key] = self.held.get(key, 0) + 1

    def _stack(self) -> tuple[str, ...]:
        return stack_from(sys._getframe(1), self._left_out)


def _as_it_is(effect: Effect, site: Site, target: object, part: Any) -> Effect:
    """Assigning to a key that is there resizes nothing, so it disturbs nobody who walks."""
    if site.name not in _MAY_GROW or not isinstance(target, (dict, set)) or type(part) is not tuple:
        return effect
    grows = len(part) != 1 or part[0] not in target
    return effect if grows else replace(effect, resizes=False)


_MAY_GROW = frozenset({"__setitem__", "setdefault", "add"})


def _same(one: Any, other: Any) -> bool:
    return bool(one is WHOLE or other is WHOLE or one == other)


def _name() -> str:
    known = current()
    return known.name if known is not None else f"thread {threading.get_ident()}"


def time_out(delay_s: float) -> None:
    """Sleep without the ``time.sleep`` that somebody may have replaced."""
    gate = _thread.allocate_lock()
    gate.acquire()
    gate.acquire(True, delay_s)
