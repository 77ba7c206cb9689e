"""The outboxes: order, the heartbeat's slot, what becomes of a refused letter; the fair lock."""

from __future__ import annotations

import threading

import pytest

pytest.importorskip("zmq")
pytest.importorskip("msgpack")

from pytest_racecheck.errors import UsageError
from pytest_racecheck.locust.fair_lock import FairLock
from pytest_racecheck.locust.outbox import Letter, OneQueue, SlotFirst, at_the_tail, forget
from pytest_racecheck.locust.policies import NAMES, policy
from pytest_racecheck.locust.wire import Message


def stats(number: int) -> Letter:
    return Letter(Message("stats", {"number": number}, "w"))


def beat(number: int) -> Letter:
    return Letter(Message("heartbeat", {"state": "running", "sequence": number}, "w"))


def taken(outbox: OneQueue | SlotFirst) -> list[Letter]:
    outbox.close()
    letters = []
    while (letter := outbox.take()) is not None:
        letters.append(letter)
    return letters


def test_one_queue_keeps_the_order_and_a_closed_one_gives_out_what_is_there() -> None:
    outbox = OneQueue(forget)
    letters = [stats(1), beat(1), stats(2)]
    for letter in letters:
        outbox.put(letter)
    assert taken(outbox) == letters


def test_a_refused_letter_is_gone_or_behind_the_younger_ones() -> None:
    for on_refusal, left in ((forget, [beat(2)]), (at_the_tail, [beat(2), beat(1)])):
        outbox = OneQueue(on_refusal)
        outbox.put(beat(2))
        outbox.refused(beat(1))
        assert taken(outbox) == left


def test_the_newest_heartbeat_goes_first_and_replaces_the_older() -> None:
    outbox = SlotFirst()
    for letter in (stats(1), beat(1), stats(2), beat(2)):
        outbox.put(letter)
    assert taken(outbox) == [beat(2), stats(1), stats(2)]


def test_a_refused_heartbeat_comes_back_unless_there_is_a_newer_one() -> None:
    outbox = SlotFirst()
    outbox.refused(beat(1))
    outbox.put(beat(2))
    outbox.refused(beat(1))
    outbox.put(stats(2))
    outbox.refused(stats(1))
    assert taken(outbox) == [beat(2), stats(1), stats(2)]


def test_a_full_outbox_drops_the_oldest_statistics_counts_them_and_nothing_else() -> None:
    outbox = SlotFirst(bound=2)
    order = Letter(Message("spawning", None, "w"))
    for letter in (order, stats(1), stats(2), stats(3)):
        outbox.put(letter)
    assert outbox.dropped == 2
    assert taken(outbox) == [order, stats(3)]


@pytest.mark.racecheck(strategy="bounded", preemptions=2, points="sync")
def test_who_waits_at_a_fair_lock_is_overtaken_by_nobody() -> None:
    overtaken = locked_by_both(FairLock())
    assert overtaken == 0


def test_without_a_queue_the_holder_overtakes_who_waits() -> None:
    """The twin: the same with a plain lock fails under the same search."""
    from pytest_racecheck import explore

    def body() -> None:
        assert locked_by_both(threading.Lock()) == 0

    assert explore(body, strategy="bounded", preemptions=1, points="sync").failure is not None


def locked_by_both(lock: FairLock | threading.Lock) -> int:
    """How often the first thread took the lock while the second waited, after it had begun to."""
    asked, order = threading.Event(), []

    def holder() -> None:
        with lock:
            asked.wait()
            asker.join(timeout=1.0)  # it is at the lock by then: nobody else could move
        with lock:
            order.append("holder")

    def wait_for_it() -> None:
        asked.set()
        with lock:
            order.append("asker")

    asker = threading.Thread(target=wait_for_it)
    first = threading.Thread(target=holder)
    first.start()
    asker.start()
    first.join()
    asker.join()
    return order.index("asker")


@pytest.mark.parametrize("name", ["lock", "lock_timeout", "lock_timeout(0)", "lock_timeout(x)", ""])
def test_a_policy_that_is_not_there_is_named_beside_those_that_are(name: str) -> None:
    with pytest.raises(UsageError, match="there are unlocked, lock_blocking"):
        policy(name)


def test_every_policy_can_be_asked_for() -> None:
    for name in NAMES:
        asked = name.replace("MS", "100")
        assert policy(asked).name == asked
