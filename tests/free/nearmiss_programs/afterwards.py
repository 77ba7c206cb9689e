"""Programs written when the delays were done, to learn what to expect of others."""

from __future__ import annotations

import io
import queue
import selectors
import socket
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.free.nearmiss_programs.twins import (
    CALL,
    CLOSE,
    READY,
    Programs,
    lock_unless,
    pause,
    together,
)

PROGRAMS = Programs()


@PROGRAMS.add(CALL)
def idle_sessions_swept(broken: bool) -> None:
    """The sweeper takes a list of names, and one of them logs out meanwhile."""
    sessions = dict.fromkeys(("anna", "ben", "carl"), 0)
    lock = lock_unless(broken)

    def sweep() -> None:
        pause(15)
        for name in list(sessions):
            with lock:
                if name in sessions and sessions[name] == 0:
                    del sessions[name]
            pause(5)

    def log_out() -> None:
        pause(31)
        with lock:
            sessions.pop("carl", None)
        pause(10)

    together(sweep, log_out)


@PROGRAMS.add(CALL)
def totals_while_prices_come_in(broken: bool) -> None:
    """A sum over the values of a dictionary, as a generator expression."""
    prices = {"a": 1, "b": 2}
    lock = lock_unless(broken)

    def total() -> None:
        for _ in range(3):
            pause(14)
            with lock:
                sum(price for price in prices.values())

    def arrive() -> None:
        for name in "cde":
            pause(17)
            with lock:
                prices[name] = 3

    together(total, arrive)


@PROGRAMS.add(CALL)
def names_while_one_is_added(broken: bool) -> None:
    """A list comprehension over a set that grows."""
    names = {"anna", "ben"}
    lock = lock_unless(broken)

    def show() -> None:
        for _ in range(3):
            pause(16)
            with lock:
                [name.upper() for name in names]

    def add() -> None:
        for name in ("carl", "dora"):
            pause(21)
            with lock:
                names.add(name)

    together(show, add)


@PROGRAMS.add(CALL)
def page_built_by_two(broken: bool) -> None:
    """Emptied and written anew by each, in one buffer."""
    page = io.StringIO()
    lock = lock_unless(broken)

    def build(text: str, ticks: float) -> None:
        pause(ticks)
        with lock:
            page.seek(0)
            page.truncate()
            page.write(text)
            assert page.getvalue() == text

    together(lambda: build("first", 20), lambda: build("second", 30))
    pause(15)


@PROGRAMS.add(READY)
def handler_not_registered_yet(broken: bool) -> None:
    """``get`` gives None for what is not there yet."""
    handlers: dict[str, Any] = {}
    registered = threading.Event()

    def register() -> None:
        pause(14)
        handlers["ping"] = str.upper
        registered.set()
        pause(25)

    thread = threading.Thread(target=register)
    thread.start()
    try:
        pause(25)
        if not broken:
            registered.wait()
        assert handlers.get("ping")("x") == "X"
    finally:
        thread.join()


class Job:
    """Hands itself over, and learns its owner afterwards."""

    def __init__(self, jobs: queue.Queue[Job], broken: bool) -> None:
        if broken:
            jobs.put(self)
            self.owner = "anna"
        else:
            self.owner = "anna"
            jobs.put(self)


@PROGRAMS.add(READY)
def job_handed_over_before_it_is_built(broken: bool) -> None:
    """A worker that is a little slow sees all of it."""
    jobs: queue.Queue[Job] = queue.Queue()

    def work() -> None:
        job = jobs.get()
        pause(3)
        assert job.owner == "anna"
        pause(20)

    thread = threading.Thread(target=work)
    thread.start()
    pause(20)
    Job(jobs, broken)
    thread.join()


@PROGRAMS.add(CLOSE)
def database_closed_before_the_last_query(broken: bool) -> None:
    """The connection itself."""
    connection = sqlite3.connect(":memory:", check_same_thread=False)

    def work() -> None:
        for _ in range(2):
            pause(16)
            connection.execute("select 1").fetchone()
        pause(25)

    thread = threading.Thread(target=work)
    thread.start()
    pause(42)
    if not broken:
        thread.join()
    connection.close()
    thread.join()


@PROGRAMS.add(CLOSE)
def input_of_a_child_closed(broken: bool) -> None:
    """The pipe to another process."""
    code = "import sys; sys.stdin.read()"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    assert child.stdin is not None
    pipe = child.stdin

    def feed() -> None:
        for _ in range(2):
            pause(15)
            pipe.write(b"x")
        pause(25)

    thread = threading.Thread(target=feed)
    thread.start()
    pause(39)
    if not broken:
        thread.join()
    pipe.close()
    thread.join()
    child.wait()


@PROGRAMS.add(CLOSE)
def selector_closed_under_its_user(broken: bool) -> None:
    """Somebody still wants to be told of a socket."""
    selector = selectors.DefaultSelector()
    ours, theirs = socket.socketpair()

    def work() -> None:
        pause(20)
        selector.register(ours, selectors.EVENT_READ)
        pause(25)

    thread = threading.Thread(target=work)
    thread.start()
    pause(31)
    if not broken:
        thread.join()
    selector.close()
    thread.join()
    ours.close()
    theirs.close()


@PROGRAMS.add(CLOSE)
def pool_left_before_the_last_job(broken: bool) -> None:
    """The end of ``with`` shuts the pool down."""
    with ThreadPoolExecutor(2) as pool:

        def produce() -> None:
            pause(20)
            pool.submit(pause, 3)
            pause(25)

        thread = threading.Thread(target=produce)
        thread.start()
        pause(31)
        if not broken:
            thread.join()
    thread.join()
