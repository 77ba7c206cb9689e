"""Delays, faults and meetings at probes or at any function, in both modes, counted and undone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_racecheck.faults.acts import Delay, Fault, Milliseconds
from pytest_racecheck.faults.injection import Injection, armed_count
from pytest_racecheck.faults.ledger import Injected, counting, refuse_unfired
from pytest_racecheck.faults.meetings import WITHIN_S, Hold, Meeting, Order
from pytest_racecheck.faults.processes import Frozen, freeze, kill

__all__ = [
    "Delay",
    "Fault",
    "Frozen",
    "Hold",
    "Injected",
    "Injection",
    "Meeting",
    "Order",
    "armed_count",
    "barrier",
    "counting",
    "delay",
    "fault",
    "freeze",
    "hold",
    "kill",
    "order",
    "refuse_unfired",
]


def delay(where: str, ms: Milliseconds, **options: Any) -> Delay:
    """Whoever comes to ``where`` waits ``ms`` milliseconds, in virtual time under control.

    ``ms`` may be two numbers, between which it is drawn, or a function of ``random.Random``.
    ``options`` as for every injection: ``by``, ``skip``, ``times``, ``chance``, ``unfired_ok``,
    ``seed``.  Armed at once; a context manager.  Raises Misplaced for a place that is none.
    """
    return Delay(where, ms, **options)


def fault(where: str, exc: Any, *, returns: Any = None, **options: Any) -> Fault:
    """The call at ``where`` goes wrong.

    ``exc`` is an exception to raise (before the call; with ``:after`` once it is made: the answer
    is lost), ``"drop"`` (not called; the caller gets ``returns``), ``"duplicate"`` (called twice),
    ``"reorder"`` (the caller gets ``returns`` at once, and the call is made after the next one at
    that place) or ``"disconnect"`` (a socket's connection is cut, and then it is called; anything
    else raises ConnectionResetError).  ``options`` as for ``delay``.  Raises Misplaced.
    """
    return Fault(where, exc, returns=returns, **options)


def barrier(where: str, n: int, *, within_s: float = WITHIN_S, **options: Any) -> Meeting:
    """``n`` threads meet at ``where``, and go on together; again and again.

    A thread that waits longer than ``within_s`` seconds of its clock raises NotMet.
    """
    return Meeting(where, n, within_s, **options)


def order(places: Sequence[Any], *, within_s: float = WITHIN_S, **options: Any) -> Order:
    """Each place is passed only after the one before it; a place may be ``(where, by)``.

    Who comes too early waits; after ``within_s`` seconds of its clock it raises NotMet.  A function
    is passed when its call has returned; with ``:before`` or ``:after`` that moment is meant.
    """
    return Order(places, within_s, **options)


def hold(where: str, *, within_s: float = WITHIN_S, **options: Any) -> Hold:
    """Threads that come to ``where`` stay there until ``release()`` of what this returns.

    ``wait(n=1)`` waits until somebody is there.  Both raise NotMet after ``within_s`` seconds.
    """
    return Hold(where, within_s, **options)
