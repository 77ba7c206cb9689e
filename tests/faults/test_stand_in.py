"""Whatever kind of function is named, whoever holds it: calls go through what is injected."""

from __future__ import annotations

import collections
import queue
import socket
import threading
import time

import pytest

import injected_programs as programs
from injected_programs import plain as imported_before
from pytest_racecheck import delay, fault, probe
from pytest_racecheck.errors import NeverFired

HERE = "injected_programs"


class Boom(Exception):
    """What is injected."""


def a_queue():
    return queue.SimpleQueue()


CALLS = {
    f"{HERE}:plain": lambda: imported_before(1),
    f"{HERE}:Kinds.static": lambda: programs.Kinds.static(1),
    f"{HERE}:Kinds.of_class": lambda: programs.Kinds().of_class(1),
    f"{HERE}:Kinds.keyword": lambda: programs.Kinds().keyword(1, more=2),
    f"{HERE}:Kinds.made": lambda: programs.Kinds().made(1),
    "time:monotonic": programs.seconds,  # which calls it by a name of its own, too
    "time:sleep": lambda: time.sleep(0),
    "threading:Lock.acquire": lambda: threading.Lock().acquire(),
    "threading:RLock.acquire": lambda: threading.RLock().acquire(),
    "threading:Event.set": lambda: threading.Event().set(),
    "queue:Queue.put": lambda: queue.Queue().put(1),
    "queue:SimpleQueue.put": lambda: a_queue().put(1),
    "socket:socket.connect": lambda: socket.socket().connect(("127.0.0.1", 9)),
    "collections:OrderedDict.popitem": lambda: collections.OrderedDict(a=1).popitem(),
    "a probe": lambda: probe("a probe"),
}


@pytest.mark.parametrize("where", CALLS)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_fault_reaches_every_kind_of_function(where):
    with fault(where, Boom) as injected:
        with pytest.raises(Boom, match=f"injected at {where}"):
            CALLS[where]()
    assert injected.fired == 1
    if not where.startswith("socket"):
        CALLS[where]()  # and everything is as before


def test_with_takes_a_lock_as_acquire_does():
    lock = threading.Lock()
    with fault("threading:Lock.acquire", Boom):
        with pytest.raises(Boom):
            with lock:
                pass
    assert lock.acquire(False)


def test_the_locks_of_the_standard_library_are_left_alone():
    with fault("threading:Lock.acquire", Boom, unfired_ok=True) as injected:
        event, jobs = threading.Event(), queue.Queue()
        thread = threading.Thread(target=event.wait)
        thread.start()
        event.set()
        thread.join()
        jobs.put(1)
        assert jobs.get() == 1
    assert injected.fired == 0


def test_a_closure_keeps_its_variables_and_defaults_stay():
    inner = programs.Kinds().made(5)
    with delay(f"{HERE}:plain", 0), delay(f"{HERE}:Kinds.keyword", 0):
        assert inner(1) == 7
        assert imported_before(1) == 3
        assert imported_before(1, more=4) == 5


def test_a_method_named_by_a_subclass_concerns_that_subclass():
    with fault(f"{HERE}:OpenLate.read", Boom):
        assert programs.Till().read() == 0
        with pytest.raises(Boom):
            programs.OpenLate().read()


def test_several_at_one_place_act_in_the_order_in_which_they_were_armed():
    seen = []

    def note(name):
        return lambda dice: seen.append(name) or 0

    with delay(f"{HERE}:plain", note("first")), delay(f"{HERE}:plain", note("second")):
        programs.plain(1)
    assert seen == ["first", "second"]


def test_the_first_one_may_be_taken_away_before_the_last():
    one = fault(f"{HERE}:plain", Boom, unfired_ok=True)
    with delay(f"{HERE}:plain", 0) as other:
        one.disarm()
        assert programs.plain(1) == 3
    assert other.fired == 1


def test_after_is_after():
    till = programs.Till()
    with fault(f"{HERE}:Till.store:after", Boom), pytest.raises(Boom):
        till.store(5)
    assert till.total == 5
    with fault(f"{HERE}:Till.store:before", Boom), pytest.raises(Boom):
        till.store(6)
    assert till.total == 5


def test_which_arrivals_fire_is_said_by_skip_times_and_by():
    fired = []
    with fault(f"{HERE}:plain", Boom, skip=1, times=2) as injected:
        for at in range(5):
            try:
                programs.plain(1)
            except Boom:
                fired.append(at)
    assert (fired, injected.fired) == ([1, 2], 2)
    with fault(f"{HERE}:plain", Boom, by="somebody else", unfired_ok=True):
        programs.plain(1)


def test_what_is_drawn_is_the_same_for_the_same_seed():
    def fired(seed):
        found = []
        with fault(f"{HERE}:plain", Boom, chance=0.5, seed=seed):
            for at in range(40):
                try:
                    programs.plain(1)
                except Boom:
                    found.append(at)
        return found

    assert fired(1) == fired(1) != fired(2)
    assert 5 < len(fired(1)) < 35


def test_one_that_never_fires_is_an_error_by_default():
    with pytest.raises(NeverFired, match=r"'never passed'.*never fired \(the place was not reach"):
        with delay("never passed", 1):
            pass
    with pytest.raises(NeverFired, match=r"reached 1 times"):
        with delay(f"{HERE}:plain", 1, skip=3):
            programs.plain(1)
    with delay("never passed", 1, unfired_ok=True):
        pass


def test_an_error_of_the_body_goes_before_one_that_never_fired():
    with pytest.raises(Boom), delay("never passed", 1):
        raise Boom
