"""Programs whose threads share an object that is made for one: files, cursors, connections."""

from __future__ import annotations

import csv
import http.client
import http.server
import socket
import sqlite3
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tests.free.nearmiss_programs.twins import CALL, Programs, lock_unless, pause, together

PROGRAMS = Programs()


@PROGRAMS.add(CALL)
def report_written_by_two(broken: bool) -> None:
    """A text file is no object for two threads."""
    lock = lock_unless(broken)
    with tempfile.TemporaryFile("w+") as file:

        def write(name: str, delay: float) -> None:
            for number in range(2):
                pause(delay)
                with lock:
                    file.write(f"{name} {number}\n")

        together(lambda: write("a", 17), lambda: write("b", 24))


@PROGRAMS.add(CALL)
def records_read_by_two(broken: bool) -> None:
    """One position for two readers: who seeks moves the other one."""
    lock = lock_unless(broken)
    with tempfile.TemporaryFile() as file:
        file.write(b"".join(b"%08d" % number for number in range(10)))

        def record(number: int, delay: float) -> None:
            pause(delay)
            with lock:
                file.seek(8 * number)
                assert int(file.read(8)) == number

        together(lambda: record(2, 20), lambda: record(7, 29))
        pause(15)


@PROGRAMS.add(CALL)
def rows_written_by_two(broken: bool) -> None:
    """A writer of rows, without a lock."""
    lock = lock_unless(broken)
    with tempfile.TemporaryFile("w+", newline="") as file:
        rows = csv.writer(file)

        def write(name: str, delay: float) -> None:
            for number in range(2):
                pause(delay)
                with lock:
                    rows.writerow([name, number])

        together(lambda: write("a", 18), lambda: write("b", 25))


@PROGRAMS.add(CALL)
def cursor_for_two(broken: bool) -> None:
    """The second query takes the rows of the first; each thread needs a cursor of its own."""
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.execute("create table t (n)")
    connection.executemany("insert into t values (?)", [(n,) for n in range(3)])
    shared = connection.cursor()

    def ask(number: int, delay: float) -> None:
        pause(delay)
        cursor = shared if broken else connection.cursor()
        cursor.execute("select n from t where n = ?", (number,))
        assert cursor.fetchone() == (number,)

    try:
        together(lambda: ask(1, 20), lambda: ask(2, 29))
        pause(15)
    finally:
        connection.close()


@PROGRAMS.add(CALL)
def transaction_of_another(broken: bool) -> None:
    """One connection, two threads: who commits ends the transaction of the other one, too."""
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.execute("create table account (name, amount)")
    connection.executemany("insert into account values (?, 10)", [("a",), ("b",)])
    connection.commit()
    lock = lock_unless(broken)

    def transfer() -> None:
        pause(20)
        with lock:
            connection.execute("update account set amount = amount - 5 where name = 'a'")
            connection.execute("update account set amount = amount + 5 where name = 'b'")
            connection.commit()

    def audit() -> None:
        pause(32)
        with lock:
            connection.execute("insert into account values ('audit', 0)")
            connection.commit()

    try:
        together(transfer, audit)
        pause(15)
    finally:
        connection.close()


@PROGRAMS.add(CALL)
def jobs_from_one_generator(broken: bool) -> None:
    """A generator cannot be asked by two threads at once."""
    lock = threading.Lock()

    def numbers() -> Iterator[int]:
        for number in range(6):
            pause(0.5)
            yield number

    class Locked:
        """The same, one caller at a time."""

        def __init__(self) -> None:
            self.inner = numbers()

        def __iter__(self) -> Iterator[int]:
            return self

        def __next__(self) -> int:
            with lock:
                return next(self.inner)

    jobs = numbers() if broken else Locked()

    def work(delay: float) -> None:
        pause(delay)
        for _ in jobs:
            pause(12)

    together(lambda: work(1), lambda: work(9))


@PROGRAMS.add(CALL)
def one_connection_for_two_requests(broken: bool) -> None:
    """An HTTP connection answers one request after the other; two threads get mixed up."""
    with http.server.HTTPServer(("127.0.0.1", 0), _Echo) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        lock = lock_unless(broken)
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)

        def fetch(path: str, delay: float) -> None:
            pause(delay)
            with lock:
                connection.request("GET", path)
                assert connection.getresponse().read().decode() == path

        try:
            together(lambda: fetch("/a", 20), lambda: fetch("/b", 29))
        finally:
            connection.close()
            server.shutdown()
            serving.join()


class _Echo(http.server.BaseHTTPRequestHandler):
    """Answers with the path."""

    protocol_version = "HTTP/1.0"  # the server has one thread: no connection may keep it

    def do_GET(self) -> None:
        body = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@PROGRAMS.add(CALL)
def archive_filled_by_two(broken: bool) -> None:
    """Two threads put files into one archive."""
    lock = lock_unless(broken)
    with (
        tempfile.TemporaryDirectory() as folder,
        zipfile.ZipFile(Path(folder, "all.zip"), "w") as archive,
    ):

        def add(name: str, delay: float) -> None:
            pause(delay)
            with lock:
                archive.writestr(name, b"x" * 100)

        together(lambda: add("a", 20), lambda: add("b", 29))
        pause(15)


@PROGRAMS.add(CALL)
def messages_mixed_on_a_stream(broken: bool) -> None:
    """Length and payload are two calls of ``sendall``, and another thread's come between."""
    ours, theirs = socket.socketpair()
    lock = lock_unless(broken)

    def send(text: bytes, delay: float) -> None:
        pause(delay)
        with lock:
            ours.sendall(bytes([len(text)]))
            ours.sendall(text)

    with ours, theirs:
        together(lambda: send(b"one", 20), lambda: send(b"seven", 28))
        pause(15)
        first = theirs.recv(1)[0]
        assert theirs.recv(first) in (b"one", b"seven")


class Account:
    """Made for one thread: what it has is read, and written later."""

    def __init__(self) -> None:
        self.amount = 10

    def withdraw(self, amount: int) -> None:
        """Take something, if there is so much."""
        if self.amount >= amount:
            self.amount -= amount


@PROGRAMS.add(CALL, f"{__name__}:Account(reads=balance)")
def account_of_two(broken: bool) -> None:
    """A class of the user's own, declared as thread-unsafe."""
    account, lock = Account(), lock_unless(broken)

    def shop(delay: float) -> None:
        for _ in range(2):
            pause(delay)
            with lock:
                account.withdraw(4)

    together(lambda: shop(19), lambda: shop(26))
