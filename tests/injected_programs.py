"""Small programs with and without a race or a fault that they do not bear, to inject into."""

from __future__ import annotations

import threading
import time
from time import monotonic as now

from pytest_racecheck import probe


class Till:
    """A total that is read and then written."""

    def __init__(self):
        self.total = 0
        self.lock = threading.Lock()

    def read(self):
        return self.total

    def store(self, value):
        self.total = value

    def add(self):
        value = self.read()
        probe("read")
        self.store(value + 1)

    def add_locked(self):
        with self.lock:
            self.add()


class OpenLate(Till):
    """The same by inheritance."""


class Kinds:
    """Every kind of function that a class has."""

    @staticmethod
    def static(value):
        return value

    @classmethod
    def of_class(cls, value):
        return cls, value

    def keyword(self, value, *, more=1):
        return value + more

    def made(self, more):
        def inner(value):
            return value + more + self.keyword(0)

        return inner

    @property
    def size(self):
        return 1

    number = 3


def plain(value, more=2):
    return value + more


def seconds():
    return now() - time.monotonic()


class Wire:
    """What arrives at the other end, and an answer to each message."""

    def __init__(self):
        self.arrived = []

    def send(self, number):
        self.arrived.append(number)
        return True


class Careless:
    """Sends the numbers as if nothing could happen, and takes what arrives as it is."""

    def __init__(self, wire):
        self.wire = wire

    def send_all(self, count):
        for number in range(count):
            try:
                self.wire.send(number)
            except ConnectionError:
                return

    def received(self):
        return self.wire.arrived


class Careful(Careless):
    """Sends again until it has an answer; the receiver sorts, and takes each number once."""

    def send_all(self, count):
        for number in range(count):
            while not self._answered(number):
                pass

    def _answered(self, number):
        try:
            return self.wire.send(number)
        except ConnectionError:
            return False

    def received(self):
        return sorted(set(self.wire.arrived))
