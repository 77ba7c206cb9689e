"""A pattern is named when the failure is one, and only then: each has a twin that looks like it."""

from __future__ import annotations

import threading
from functools import partial

import pytest

import minimise_programs as programs
from pytest_racecheck import explore
from twins import Box, together


class Account:
    """Two of them are locked in the order of the transfer."""

    def __init__(self):
        self._lock = threading.Lock()

    def give(self, other):
        with self._lock, other._lock:
            pass


def transfers():
    """Accounts that give to each other."""
    one, other = Account(), Account()
    together(partial(one.give, other), partial(other.give, one))


def self_deadlock():
    """Waits for itself: a cycle of one, and no order of locks is wrong."""
    lock = threading.Lock()

    def twice():
        with lock, lock:
            pass

    together(twice, int)


def forgotten_release():
    """The lock is never given back: nobody waits in a circle."""
    lock = threading.Lock()
    together(lock.acquire, lock.acquire)


def early_notify():
    """The notification comes before the one who waits."""
    changed = threading.Condition()

    def wait():
        with changed:
            changed.wait()

    def wake():
        with changed:
            changed.notify()

    together(wait, wake)


def never_notified():
    """Nobody notifies at all."""
    changed = threading.Condition()

    def wait():
        with changed:
            changed.wait()

    together(wait, wait)


def overwritten():
    """The last one wins, whatever was there: nothing was read, so no update is lost."""
    box = Box(0)

    def put(value):
        box.value = value

    together(partial(put, 1), partial(put, 2))
    assert box.value == 2


def reset_between():
    """Another resets what one has just set; nobody computes from what it read."""
    box = Box(0)

    def use():
        box.value = 1
        assert box.value == 1

    def reset():
        box.value = 0

    together(use, reset)


def whole_read():
    """What is read is one value, which comes too early; there is no second half."""
    box = Box(None)

    def set_up():
        box.value = 1

    def use():
        assert box.value is not None

    together(set_up, use)


def asks_again():
    """A loop that sees that the answer has changed, and fails for that."""
    box = Box(False)

    def watch():
        seen = [bool(box.value) for _ in range(2)]
        assert seen != [False, True]

    def turn_on():
        box.value = True

    together(watch, turn_on)


def asked_by_len():
    """A question that is no operation on the list."""
    work = [1]

    def take():
        if len(work) > 0:
            work.pop()

    together(take, take)


def asked_about_another():
    """The line around the failing one asks about something else."""
    work, wanted = [1], True

    def take():
        if wanted:
            work.pop()

    together(take, take)


def cleared_unseen():
    """The event is cleared after the look, and with it what came in between."""
    told, seen = threading.Event(), []

    def tell():
        seen.append(1)
        told.set()

    def listen():
        if not seen:
            told.clear()
            told.wait()

    together(tell, listen)


def nobody_sets_it():
    """The event is waited for, and never set."""
    told = threading.Event()
    together(told.wait, told.clear)


def grows_meanwhile():
    """A loop over a dictionary to which another one adds."""
    users = {"a": 1, "b": 2}

    def greet():
        for _ in users:
            pass

    def join():
        users["c"] = 3

    together(greet, join)


def summed_up_in_the_test():
    """Two numbers belong together; what a third task took of them is judged at the end."""
    parts, whole, lock, taken = [0], Box(0), threading.Lock(), []

    def add():
        parts[0] += 1
        with lock:
            whole.value += 1

    def copy():
        with lock:
            taken.append((parts[0], whole.value))

    together(add, copy)
    assert taken[0][0] == taken[0][1]


def looks_twice():
    """One variable on two lines, which another one writes in between."""
    box = Box("abc")

    def use():
        length = len(box.value)
        text = box.value
        assert len(text) == length

    def cut():
        box.value = ""

    together(use, cut)


IS = {
    asked_by_len: "check-then-act",
    cleared_unseen: "lost wake-up",
    grows_meanwhile: "torn read",
    summed_up_in_the_test: "torn read",
    looks_twice: "torn read",
    programs.lost_update: "lost update",
    programs.torn: "torn read",
    programs.check_then_take: "check-then-act",
    programs.crosswise_deadlock: "lock-order inversion",
    programs.dining: "lock-order inversion",
    transfers: "lock-order inversion",
    early_notify: "lost wake-up",
}
IS_NOT = {
    asked_about_another: "check-then-act",
    nobody_sets_it: "lost wake-up",
    overwritten: "lost update",
    reset_between: "lost update",
    whole_read: "torn read",
    asks_again: "check-then-act",
    self_deadlock: "lock-order inversion",
    forgotten_release: "lock-order inversion",
    never_notified: "lost wake-up",
}


def explained(program):
    finding = explore(program, strategy="random", executions=2000)
    assert finding.verdict == "reproduced", finding.report()
    return finding


@pytest.mark.parametrize("program", IS, ids=lambda program: program.__name__)
def test_it_is_named_when_it_is_one(program):
    finding = explained(program)
    assert finding.explanation.pattern == IS[program], finding.report()
    assert f"{IS[program]}: " in finding.report(400)


@pytest.mark.parametrize("program", IS_NOT, ids=lambda program: program.__name__)
def test_it_is_not_named_when_it_only_looks_like_one(program):
    finding = explained(program)
    assert finding.explanation.pattern != IS_NOT[program], finding.report()


def test_every_pattern_is_told_from_its_likeness():
    assert set(IS.values()) == set(IS_NOT.values())


def test_two_locks_of_one_class_are_told_apart():
    said = explained(transfers).explanation.sentence
    assert "Account._lock (1)" in said
    assert "Account._lock (2)" in said


def test_a_lost_update_is_told_with_its_values():
    said = explained(programs.lost_update).explanation.sentence
    assert "read Box.value as 0" in said
    assert "then wrote 1" in said
    assert "wrote 1 over that" in said
