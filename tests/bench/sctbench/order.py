"""Programs that are wrong when their threads run in one order: account, lazy01, token_ring."""

from __future__ import annotations

import threading

from tests.bench.sctbench.together import run, start


def account(*, fixed: bool) -> None:
    """A bank account whose check adds up wrongly; only the last of the three can notice."""
    m = threading.Lock()
    x, y, z = 1, 2, 4
    balance = x
    deposited = withdrawn = False

    def check() -> None:
        with m:
            if deposited and withdrawn:
                right = x + y - z if fixed else (x - y) - z
                assert balance == right, "the balance does not add up"

    def deposit() -> None:
        nonlocal balance, deposited
        with m:
            balance += y
            deposited = True

    def withdraw() -> None:
        nonlocal balance, withdrawn
        with m:
            balance -= z
            withdrawn = True

    start(check, deposit, withdraw)


def lazy01(*, fixed: bool) -> None:
    """Two threads add to a sum of which a third one does not expect both."""
    m = threading.Lock()
    data = 0

    def add_one() -> None:
        nonlocal data
        with m:
            data += 1

    def add_two() -> None:
        nonlocal data
        with m:
            data += 2

    def check() -> None:
        with m:
            if fixed:
                assert data <= 3
            else:
                assert data < 3, "both have added"

    run(add_one, add_two, check)


def token_ring(*, fixed: bool) -> None:
    """A value goes round three threads, which nothing keeps in the order of the ring."""
    m = threading.Lock()
    step = threading.Condition(m)
    x1, x2, x3 = 1, 2, 1
    first = second = third = False

    def one() -> None:
        nonlocal x1, first
        with m:
            x1 = (x3 + 1) % 4
            first = True
            if fixed:
                step.notify_all()

    def two() -> None:
        nonlocal x2, second
        with m:
            if fixed:
                step.wait_for(lambda: first)
            x2 = x1
            second = True
            if fixed:
                step.notify_all()

    def three() -> None:
        nonlocal x3, third
        with m:
            if fixed:
                step.wait_for(lambda: second)
            x3 = x2
            third = True

    def check() -> None:
        with m:
            if first and second and third:
                assert x1 == x2 == x3, "the token was changed on its way"

    start(one, two, three, check)
