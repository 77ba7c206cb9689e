"""Twins: a program with a race and the same program without it, and what has to be said of each."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest

from pytest_racecheck import Finding, explore


@dataclass(frozen=True)
class Twin:
    """A program that takes whether it is to be broken.

    ``kind`` is how the broken one fails, in at most ``within`` executions; of the sound one every
    schedule passes, or every one with at most ``preemptions`` preemptions where there are too many.
    """

    name: str
    program: Callable[[bool], object]
    kind: str
    within: int = 50
    preemptions: int | None = None

    def broken(self) -> None:
        """The variant with the race."""
        self.program(True)

    def sound(self) -> None:
        """The variant without."""
        self.program(False)


class Twins(list[Twin]):
    """The twins of one test file."""

    def add(self, name: str, kind: str, **more: int) -> Callable[[Callable], Callable]:
        """Enter the decorated program."""

        def enter(program: Callable[[bool], object]) -> Callable[[bool], object]:
            self.append(Twin(name, program, kind, **more))
            return program

        return enter

    def each(self) -> pytest.MarkDecorator:
        """Run a test once for each twin."""
        return pytest.mark.parametrize("twin", self, ids=lambda twin: twin.name)


def find(body: Callable[[], object], **plan: object) -> Finding:
    """Explore at synchronisation points only: no access to data can help to find the race."""
    return explore(body, **{"points": "sync", "strategy": "exhaustive", "seconds": 60.0, **plan})


def assert_found(twin: Twin) -> None:
    """The broken one fails as it should, soon, and the same way in every replay."""
    finding = find(twin.broken, strategy="bounded", preemptions=99, executions=twin.within)
    assert finding.verdict == "reproduced", finding.report()
    assert finding.failure.kind == twin.kind, finding.report()
    assert finding.replays == (3, 3)
    assert finding.warnings == ()


def assert_ruled_out(twin: Twin) -> None:
    """No schedule of the sound one fails."""
    bound = {} if twin.preemptions is None else {"preemptions": twin.preemptions}
    strategy = "exhaustive" if twin.preemptions is None else "bounded"
    finding = find(twin.sound, strategy=strategy, executions=5000, **bound)
    assert finding.verdict == "ruled out", finding.report()
    assert finding.grade in ("exhausted", *(["bounded"] if bound else [])), finding.report()
    assert finding.warnings == ()


# ------------------------------------------------------------------- what programs are made of


class Box:
    """Something to share."""

    def __init__(self, value: object = 0) -> None:
        self.value = value


def together(*functions: Callable[[], object]) -> None:
    """Run each function in a thread of its own, to the end."""
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def crosswise(one: object, other: object, broken: bool) -> None:
    """Two threads take two lockable things: in opposite orders when broken."""

    def take(first, second):
        with first, second:
            pass

    pairs = [(one, other), (other, one) if broken else (one, other)]
    together(*(partial(take, *pair) for pair in pairs))


def adder(broken: bool) -> tuple[Box, Callable[..., None]]:
    """A counter, and what adds one to it: in one critical section, or in two when broken."""
    box, lock = Box(), threading.Lock()

    def add(*_):
        with lock:
            seen = box.value
            if not broken:
                box.value = seen + 1
        if broken:
            with lock:
                box.value = seen + 1

    return box, add
