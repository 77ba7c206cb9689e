"""Functions are replaced wherever code keeps them, and put back everywhere."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from pytest_racecheck.adapters.holders import Holders
from pytest_racecheck.adapters.stand_ins import stand_ins
from twins import find, together


class InClass:
    """Keeps its clock in the class."""

    now = time.monotonic

    def elapsed(self, work: Callable[[], object]) -> float:
        """How long ``work`` takes by the clock of the class."""
        begun = self.now()
        work()
        return self.now() - begun


class Slots:
    """The same without a dictionary for its objects."""

    __slots__ = ()
    now = time.monotonic
    elapsed = InClass.elapsed


class InObject:
    """Keeps its clock in the object."""

    def __init__(self) -> None:
        self.now = time.monotonic

    elapsed = InClass.elapsed


@dataclasses.dataclass
class InField:
    """Keeps its clock in the default of a field."""

    now: Callable[[], float] = time.monotonic

    elapsed = InClass.elapsed


def in_default(work, now=time.monotonic):
    begun = now()
    work()
    return now() - begun


def in_keyword(work, *, now=time.monotonic):
    begun = now()
    work()
    return now() - begun


def _closure():
    now = time.monotonic

    def in_closure(work):
        begun = now()
        work()
        return now() - begun

    return in_closure


in_closure = _closure()
IN_OBJECT = InObject()
IN_DICT = {"now": time.monotonic}


def in_dict(work):
    begun = IN_DICT["now"]()
    work()
    return IN_DICT["now"]() - begun


HOLDERS = {
    "class": InClass().elapsed,
    "class with slots": Slots().elapsed,
    "object": IN_OBJECT.elapsed,
    "field of a dataclass": lambda work: InField().elapsed(work),
    "default": in_default,
    "keyword default": in_keyword,
    "closure": in_closure,
    "dictionary": in_dict,
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_a_clock_is_virtual_wherever_it_is_kept(holder):
    measured = []

    def body():
        together(lambda: measured.append(HOLDERS[holder](lambda: time.sleep(100))))

    assert find(body).verdict == "ruled out"
    assert measured
    assert all(100 <= elapsed < 101 for elapsed in measured)


@pytest.mark.parametrize("holder", HOLDERS)
def test_it_is_real_again_afterwards(holder):
    find(lambda: together(int))
    assert HOLDERS[holder](int) < 100
    assert InClass.now is Slots.now is IN_OBJECT.now is InField().now is time.monotonic
    assert in_default.__defaults__ == (time.monotonic,)
    assert in_keyword.__kwdefaults__ == {"now": time.monotonic}
    assert in_closure.__closure__[0].cell_contents is time.monotonic
    assert {"now": time.monotonic} == IN_DICT


def real():
    return "real"


def other():
    return "other"


def replaced(*pairs):
    return stand_ins(list(pairs), Holders((), [function for function, _ in pairs]))


def test_each_function_gets_its_own_stand_in():
    keeper = SimpleNamespace(first=real, second=other)
    pair = (real, other)
    with replaced((real, lambda: "stand-in"), (other, lambda: "another")):
        assert (keeper.first(), keeper.second()) == ("stand-in", "another")
        assert pair[0]() == "real", "a tuple that is nobody's default is left alone"
    assert (keeper.first(), keeper.second()) == ("real", "other")


def test_they_are_put_back_after_an_error():
    keeper, seen = SimpleNamespace(first=real), []
    with pytest.raises(ZeroDivisionError), replaced((real, other)):
        seen.append(keeper.first) or 1 / 0
    assert seen == [other]
    assert keeper.first is real
