"""Programs that go through built-in containers, or act on what they saw there, without a lock."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque

from tests.free.nearmiss_programs.twins import CALL, Programs, lock_unless, pause, together

PROGRAMS = Programs()


@PROGRAMS.add(CALL)
def sessions_listed_while_one_logs_in(broken: bool) -> None:
    """The status page goes through a dictionary that a log-in makes larger."""
    sessions = {f"user{n}": n for n in range(5)}
    lock = lock_unless(broken)
    shown: list[str] = []

    def status_page() -> None:
        for _ in range(3):
            pause(15)
            with lock:
                for name, number in sessions.items():
                    shown.append(f"{name}: {number}")

    def log_in() -> None:
        for number in range(3):
            pause(20)
            with lock:
                sessions[f"guest{number}"] = number

    together(status_page, log_in)


@PROGRAMS.add(CALL)
def subscribers_told_while_one_joins(broken: bool) -> None:
    """A set of subscribers is gone through; the mended program goes through a copy."""
    subscribers = set(range(4))
    told: list[int] = []

    def publish() -> None:
        for _ in range(3):
            pause(18)
            for one in subscribers if broken else sorted(subscribers):
                told.append(one + 1)

    def join() -> None:
        for number in range(4, 8):
            pause(13)
            subscribers.add(number)

    together(publish, join)


@PROGRAMS.add(CALL)
def tail_of_a_log(broken: bool) -> None:
    """The last lines of a log are read while it is written."""
    lines = deque((f"line {n}" for n in range(20)), maxlen=20)
    lock = lock_unless(broken)
    found: list[str] = []

    def write() -> None:
        for number in range(5):
            pause(11)
            with lock:
                lines.append(f"line {number}")

    def look() -> None:
        for _ in range(3):
            pause(20)
            with lock:
                for line in lines:
                    if line.endswith("1"):
                        found.append(line)

    together(write, look)


@PROGRAMS.add(CALL)
def connection_made_twice(broken: bool) -> None:
    """Who finds no connection in the pool makes one: two do."""
    pool: dict[str, object] = {}
    made: list[str] = []
    lock = lock_unless(broken)

    def connection(host: str, delay: float) -> None:
        pause(delay)
        with lock:
            if host not in pool:
                made.append(host)
                pool[host] = object()

    together(lambda: connection("db", 20), lambda: connection("db", 32))
    pause(20)
    assert made == ["db"]


@PROGRAMS.add(CALL)
def hits_of_a_page(broken: bool) -> None:
    """A counter in a dictionary is read, and written back a moment later."""
    hits = {"page": 0}
    lock = lock_unless(broken)

    def visit(delay: float) -> None:
        for _ in range(2):
            pause(delay)
            with lock:
                hits["page"] += 1

    together(lambda: visit(18), lambda: visit(25))
    assert hits["page"] == 4


@PROGRAMS.add(CALL)
def last_ticket_sold_twice(broken: bool) -> None:
    """Is there a ticket left?  Then take it: both saw the same one."""
    tickets = ["A1"]
    lock = lock_unless(broken)

    def sell(delay: float) -> None:
        pause(delay)
        with lock:
            if len(tickets) > 0:
                tickets.pop()

    together(lambda: sell(20), lambda: sell(29))
    pause(15)


@PROGRAMS.add(CALL)
def member_leaves_twice(broken: bool) -> None:
    """A member is removed where it is seen; ``discard`` asks and removes in one piece."""
    members = {"anna", "ben"}

    def leave(delay: float) -> None:
        pause(delay)
        if not broken:
            members.discard("anna")
        elif "anna" in members:
            members.remove("anna")

    together(lambda: leave(20), lambda: leave(28))
    pause(15)


@PROGRAMS.add(CALL)
def entry_expired_twice(broken: bool) -> None:
    """Two cleaners delete what has expired; the mended one does not mind who was first."""
    entries = dict.fromkeys(range(6), "old")

    def clean(delay: float) -> None:
        for key in range(6):
            pause(delay)
            if not broken:
                entries.pop(key, None)
            elif key in entries:
                del entries[key]

    together(lambda: clean(9), lambda: clean(11))
    assert not entries


@PROGRAMS.add(CALL)
def wrong_job_deleted(broken: bool) -> None:
    """The place of a job is looked up, and then something else is there."""
    jobs = ["a", "b", "c", "d"]
    lock = lock_unless(broken)

    def finish(job: str, delay: float) -> None:
        pause(delay)
        with lock:
            at = jobs.index(job)
            del jobs[at]

    together(lambda: finish("a", 20), lambda: finish("c", 30))
    pause(15)
    assert jobs == ["b", "d"]


@PROGRAMS.add(CALL)
def recently_used(broken: bool) -> None:
    """An entry is evicted between the look and the use."""
    cache = OrderedDict((key, key) for key in "abc")
    lock = lock_unless(broken)

    def get(key: str) -> None:
        for _ in range(3):
            pause(14)
            with lock:
                if key in cache:
                    cache.move_to_end(key)

    def evict() -> None:
        pause(46)
        with lock:
            while len(cache) > 2:
                cache.popitem(last=False)
        pause(10)

    together(lambda: get("a"), evict)


@PROGRAMS.add(CALL)
def words_counted(broken: bool) -> None:
    """``Counter.update`` is written in Python: two of them lose counts."""
    counts: Counter[str] = Counter()
    lock = lock_unless(broken)

    def count(delay: float) -> None:
        for _ in range(2):
            pause(delay)
            with lock:
                counts.update(["a", "b"])

    together(lambda: count(19), lambda: count(27))
    assert counts["a"] == 4


@PROGRAMS.add(CALL)
def frames_torn(broken: bool) -> None:
    """A frame is a length and that many bytes, written into one buffer by two threads."""
    buffer = bytearray()
    lock = lock_unless(broken)

    def send(text: bytes, delay: float) -> None:
        pause(delay)
        with lock:
            buffer.extend(bytes([len(text)]))
            buffer.extend(text)

    together(lambda: send(b"one", 20), lambda: send(b"seven", 28))
    pause(15)
    found, at = [], 0
    while at < len(buffer):
        found.append(bytes(buffer[at + 1 : at + 1 + buffer[at]]))
        at += 1 + buffer[at]
    assert sorted(found) == [b"one", b"seven"]
