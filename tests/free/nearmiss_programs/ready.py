"""Programs that use something before it is ready, if they are quicker than usual."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tests.free.nearmiss_programs.twins import READY, Programs, pause

PROGRAMS = Programs()


class Connection:
    """Something to send with."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, text: str) -> None:
        """Keep it."""
        self.sent.append(text)


class Worker:
    """Starts its thread before it is built."""

    def __init__(self, broken: bool) -> None:
        self.thread = threading.Thread(target=self.run)
        if broken:
            self.thread.start()
            pause(10)
            self.connection = Connection()
        else:
            self.connection = Connection()
            self.thread.start()
            pause(10)

    def run(self) -> None:
        """Has something else to do first."""
        pause(22)
        self.connection.send("hello")
        pause(30)


@PROGRAMS.add(READY)
def thread_started_in_init(broken: bool) -> None:
    """The thread needs what its constructor has not assigned yet."""
    Worker(broken).thread.join()


class Client:
    """Connects in the background."""

    def __init__(self) -> None:
        self.connection: Connection | None = None
        self.connected = threading.Event()

    def connect(self) -> None:
        """Takes a while."""
        pause(20)
        self.connection = Connection()
        self.connected.set()
        pause(20)


@PROGRAMS.add(READY)
def sent_before_connected(broken: bool) -> None:
    """Thirty ticks are enough to connect; nearly always."""
    client = Client()
    thread = threading.Thread(target=client.connect)
    thread.start()
    try:
        pause(30)
        if not broken:
            client.connected.wait()
        assert client.connection is not None
        client.connection.send("hello")
    finally:
        thread.join()


_settings: dict[str, str] | None = None


def load_settings(loaded: threading.Event) -> None:
    """From a disk that is quick as a rule."""
    global _settings
    pause(15)
    _settings = {"host": "localhost"}
    loaded.set()


@PROGRAMS.add(READY)
def settings_used_before_loaded(broken: bool) -> None:
    """A global that another thread assigns."""
    global _settings
    _settings = None
    loaded = threading.Event()
    thread = threading.Thread(target=load_settings, args=(loaded,))
    thread.start()
    try:
        pause(26)
        if not broken:
            loaded.wait()
        assert _settings["host"] == "localhost"  # type: ignore[index]
        pause(20)
    finally:
        thread.join()


class Source:
    """Calls back for each value."""

    def __init__(self) -> None:
        self.on_value: Callable[[int], object] | None = None
        self.thread = threading.Thread(target=self.run)

    def run(self) -> None:
        """The first value comes soon."""
        pause(20)
        self.on_value(1)  # type: ignore[misc]
        pause(25)


@PROGRAMS.add(READY)
def callback_set_after_start(broken: bool) -> None:
    """The source is started first, and told whom to call then."""
    source, got = Source(), []
    if broken:
        source.thread.start()
        pause(9)
        source.on_value = got.append
    else:
        source.on_value = got.append
        source.thread.start()
    source.thread.join()
    assert got == [1]


@PROGRAMS.add(READY)
def looked_up_before_registered(broken: bool) -> None:
    """Services register themselves; whoever is early finds none."""
    registry: dict[str, Connection] = {}
    registered = threading.Event()

    def register() -> None:
        pause(18)
        registry["mail"] = Connection()
        registered.set()
        pause(20)

    thread = threading.Thread(target=register)
    thread.start()
    try:
        pause(29)
        if not broken:
            registered.wait()
        registry["mail"].send("hello")
    finally:
        thread.join()


@PROGRAMS.add(READY)
def event_before_its_handler(broken: bool) -> None:
    """What is published before anybody listens is lost."""
    handlers: list[Callable[[str], object]] = []
    got: list[str] = []
    listening = threading.Event()

    def publish() -> None:
        pause(28)
        if not broken:
            listening.wait()
        for handler in handlers:
            handler("news")

    thread = threading.Thread(target=publish)
    thread.start()
    pause(18)
    handlers.append(got.append)
    listening.set()
    thread.join()
    assert got == ["news"]


class Reader:
    """Fills a table in the background."""

    __slots__ = ("done", "table")

    def __init__(self) -> None:
        self.table: list[int] | None = None
        self.done = threading.Event()

    def read(self) -> None:
        """Some time later."""
        pause(16)
        self.table = [1, 2, 3]
        self.done.set()
        pause(30)


@PROGRAMS.add(READY)
def table_used_before_read(broken: bool) -> None:
    """The same with slots instead of a dictionary of attributes."""
    reader = Reader()
    thread = threading.Thread(target=reader.read)
    thread.start()
    try:
        pause(25)
        if not broken:
            reader.done.wait()
        assert sum(reader.table) == 6  # type: ignore[arg-type]
    finally:
        thread.join()
