"""One look finds objects of kinds and holders of functions, and runs nothing of the user's."""

from __future__ import annotations

import threading
import time

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
