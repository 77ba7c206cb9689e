"""One look finds objects of kinds and holders of functions, and runs nothing of the user's."""

from __future__ import annotations

import threading
import time

from pytest_racecheck.adapters import stand_ins
from pytest_racecheck.adapters.holders import Holders
from twins import find, together


class Own(threading.Condition):
    pass


class Deeper(Own):
    pass


def test_objects_of_subclasses_of_subclasses_are_found():
    made = [threading.Condition(), Own(), Deeper()]
    found = Holders([threading.Condition], []).instances(threading.Condition)
    assert all(any(one is other for other in found) for one in made)
    assert all(isinstance(one, threading.Condition) for one in found)


def test_a_look_does_not_find_what_it_was_asked_for():
    def own():
        """Held by this frame and the list below, and nobody's default."""

    found = Holders([], [own, time.sleep]).all
    assert not [one for one in found if type(one) is tuple and own in one]

    def keeps(first=own):
        return first

    assert [one for one in Holders([], [own]).all if one is keeps.__defaults__]


def test_the_second_search_knows_who_has_a_default(monkeypatch):
    monkeypatch.setattr(stand_ins, "_known_defaults", {})
    find(lambda: together(int))
    known = set(stand_ins._known_defaults)
    assert known, "functions of the library have defaults that are replaced"
    find(lambda: together(int))
    assert set(stand_ins._known_defaults) == known, "else it looks through all objects once more"


class Proxy:
    """Says that it is whatever it was told, and breaks when it was told nothing."""

    keeps = time.sleep

    @property
    def __class__(self):
        raise RuntimeError("working outside of a context")


PROXY = Proxy()


def test_a_proxy_without_an_object_disturbs_nothing():
    PROXY.clock = time.monotonic
    assert Holders([threading.local], [time.monotonic]).instances(threading.local) is not None
    assert find(lambda: together(int)).failure is None
    del PROXY.clock


class Connected(threading.local):
    """Connects in every thread that uses it."""

    def __init__(self):
        connections.append(threading.current_thread().name)


connections: list[str] = []


def test_thread_local_data_is_not_made_by_looking():
    made = []
    maker = threading.Thread(target=lambda: made.append(Connected()))
    maker.start()
    maker.join()
    before = list(connections)
    find(lambda: together(int), strategy="random", executions=3)
    assert connections == before
    assert made
