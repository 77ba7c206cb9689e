"""Programs in which what belongs together is torn: reorder, twostage, wronglock, stringbuffer."""

from __future__ import annotations

import threading
from contextlib import nullcontext

from tests.bench.sctbench.together import run


def reorder(setters: int, checkers: int, *, fixed: bool) -> None:
    """Setters write two variables, a checker comes between the first two of these writes."""
    a = b = 0
    lock = threading.Lock() if fixed else nullcontext()

    def put() -> None:
        nonlocal a, b
        with lock:
            a = 1
            b = -1

    def check() -> None:
        with lock:
            assert (a == 0 and b == 0) or (a == 1 and b == -1), "half set"

    run(*[put] * setters, *[check] * checkers)


def twostage(writers: int, *, fixed: bool) -> None:
    """Each stage has its lock, and a reader comes between the two stages of the first writer."""
    p, q = threading.Lock(), threading.Lock()
    d1 = d2 = 0

    def write() -> None:
        nonlocal d1, d2
        with p:
            d1 = 1
            if fixed:
                with q:
                    d2 = d1 + 1
        if not fixed:
            with q:
                d2 = d1 + 1

    def read() -> None:
        with p:
            if d1 == 0:
                return
            t1 = d1
        with q:
            t2 = d2
        assert t2 == t1 + 1, "the second stage has not been written"

    run(*[write] * writers, read)


def wronglock(others: int, *, fixed: bool) -> None:
    """One thread guards the variable by a lock, the others by another one."""
    p, q = threading.Lock(), threading.Lock()
    v = 0

    def guarded() -> None:
        nonlocal v
        with p:
            x = v
            v = v + 1
            assert v == x + 1, "somebody else has added meanwhile"

    def other() -> None:
        nonlocal v
        with p if fixed else q:
            v = v + 1

    run(guarded, *[other] * others)


def stringbuffer(*, fixed: bool) -> None:
    """Appending one buffer to another asks for its length, and then for as many characters."""
    source_lock, target_lock = threading.RLock(), threading.RLock()
    source, target = "abc", ""

    def length() -> int:
        with source_lock:
            return len(source)

    def get_chars(n: int) -> str:
        with source_lock:
            assert n <= len(source), "the text has become shorter"
            return source[:n]

    def append_source() -> None:
        nonlocal target
        with target_lock:
            with source_lock if fixed else nullcontext():
                n = length()
                text = get_chars(n)
            target += text

    def erase(n: int) -> None:
        nonlocal source
        with source_lock:
            source = source[n:]

    def append(text: str) -> None:
        nonlocal source
        with source_lock:
            source += text

    def change_source() -> None:
        erase(3)
        append("abc")

    run(append_source, change_source)
