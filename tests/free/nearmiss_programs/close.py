"""Programs that close something while another thread may still need it."""

from __future__ import annotations

import concurrent.futures
import mmap
import socket
import sqlite3
import tempfile
import threading
from pathlib import Path

from tests.free.nearmiss_programs.twins import CLOSE, Programs, pause

PROGRAMS = Programs()


def started(target: object) -> threading.Thread:
    """A thread that runs."""
    thread = threading.Thread(target=target)  # type: ignore[arg-type]
    thread.start()
    return thread


@PROGRAMS.add(CLOSE)
def log_closed_too_early(broken: bool) -> None:
    """The last line is written just before the file is closed, as a rule."""
    file = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closing it is what this is about

    def work() -> None:
        for number in range(3):
            pause(12)
            file.write(f"{number}\n")
        pause(25)

    thread = started(work)
    pause(45)
    if not broken:
        thread.join()
    file.close()
    thread.join()


@PROGRAMS.add(CLOSE)
def cursor_after_its_connection(broken: bool) -> None:
    """A cursor lives as long as its connection."""
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    cursor = connection.cursor()

    def work() -> None:
        pause(22)
        cursor.execute("select 1")
        pause(30)

    thread = started(work)
    pause(31)
    if not broken:
        thread.join()
    connection.close()
    thread.join()


@PROGRAMS.add(CLOSE)
def socket_closed_under_a_sender(broken: bool) -> None:
    """Who sends last does not know who closes."""
    ours, theirs = socket.socketpair()

    def work() -> None:
        for _ in range(2):
            pause(15)
            ours.send(b"x")
        pause(25)

    thread = started(work)
    pause(40)
    if not broken:
        thread.join()
    ours.close()
    thread.join()
    theirs.close()


@PROGRAMS.add(CLOSE)
def pool_shut_down_before_the_last_job(broken: bool) -> None:
    """A job hands in another one; the pool takes none any more."""
    pool = concurrent.futures.ThreadPoolExecutor(2)

    def produce() -> None:
        pause(20)
        pool.submit(pause, 5)
        pause(25)

    thread = started(produce)
    pause(30)
    if not broken:
        thread.join()
    pool.shutdown(wait=True)
    thread.join()


class Service:
    """Drops its connection when it is stopped."""

    def __init__(self) -> None:
        self.connection: socket.socket | None = None
        self.lock = threading.Lock()

    def start(self, connection: socket.socket) -> None:
        """From here on it can be used."""
        self.connection = connection

    def beat(self, broken: bool) -> None:
        """A sign of life, some times."""
        for _ in range(3):
            pause(13)
            if broken:
                self.connection.send(b".")  # type: ignore[union-attr]
            else:
                with self.lock:
                    if self.connection is not None:
                        self.connection.send(b".")
        pause(25)

    def stop(self) -> None:
        """Nobody needs it any more."""
        with self.lock:
            self.connection = None


@PROGRAMS.add(CLOSE)
def heartbeat_after_stop(broken: bool) -> None:
    """The attribute is None from one moment to the next."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        service = Service()
        service.start(ours)
        thread = started(lambda: service.beat(broken))
        pause(47)
        service.stop()
        thread.join()


@PROGRAMS.add(CLOSE)
def map_closed_under_a_reader(broken: bool) -> None:
    """A memory map is unmapped while somebody reads."""
    with tempfile.TemporaryFile() as file:
        file.write(bytes(4096))
        file.flush()
        mapped = mmap.mmap(file.fileno(), 4096)

        def read() -> None:
            for at in range(3):
                pause(13)
                assert mapped[at] == 0
            pause(25)

        thread = started(read)
        pause(48)
        if not broken:
            thread.join()
        mapped.close()
        thread.join()


@PROGRAMS.add(CLOSE)
def folder_removed_too_early(broken: bool) -> None:
    """The temporary folder goes before the last file is written."""
    folder = tempfile.TemporaryDirectory()

    def work() -> None:
        pause(20)
        Path(folder.name, "last").write_text("done")
        pause(30)

    thread = started(work)
    pause(31)
    if not broken:
        thread.join()
    folder.cleanup()
    thread.join()


class Feed:
    """Has a queue of its own, and forgets it at the end."""

    def __init__(self) -> None:
        self.values = [1, 2, 3]
        self.open = True

    def stop(self) -> None:
        """Nothing may be asked afterwards."""
        self.open = False

    def read(self) -> int:
        """The next value; RuntimeError when it was stopped."""
        if not self.open:
            raise RuntimeError("the feed is stopped")
        return self.values[0]


@PROGRAMS.add(CLOSE)
def feed_read_after_stop(broken: bool) -> None:
    """A class of the user's with ``stop``."""
    feed = Feed()

    def consume() -> None:
        for _ in range(3):
            pause(14)
            feed.read()
        pause(25)

    thread = started(consume)
    pause(50)
    if not broken:
        thread.join()
    feed.stop()
    thread.join()
