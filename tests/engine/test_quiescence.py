"""Nobody can move: the failure is named after its cause, with who waits for whom and both lines."""

from __future__ import annotations

import inspect
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from twins import crosswise, find, together


def line_of(function, text):
    """ "file.py:12", where `text` stands in the source of `function`."""
    lines, first = inspect.getsourcelines(function)
    (at,) = [first + n for n, line in enumerate(lines) if text in line]
    return f"test_quiescence.py:{at}"


def only_failure(body, **plan):
    finding = find(body, **plan)
    assert finding.verdict == "reproduced", finding.report()
    assert finding.replays == (3, 3)
    return finding.failure


# ------------------------------------------------------------------------------------- cycles


def transfers():
    class Account:
        def __init__(self):
            self.lock = threading.RLock()

        def pay(self, other):
            with self.lock:  # mine
                with other.lock:  # theirs
                    pass

    one, two = Account(), Account()
    together(partial(one.pay, two), partial(two.pay, one))


def test_a_cycle_of_two_locks_is_told_with_names_holders_and_both_lines():
    failure = only_failure(transfers)
    mine, theirs = line_of(transfers, "# mine"), line_of(transfers, "# theirs")
    assert (failure.kind, failure.type, failure.where) == ("deadlock", "Deadlock", theirs)
    assert failure.message == "each waits for the next: main/0 -> main/1"
    first, second = failure.waits[1:]
    assert first == (
        f"main/0 (Thread-1) at {theirs}: waits to acquire RLock `other.lock`, "
        f"which main/1 (Thread-2) took at {mine}"
    )
    assert second == (
        f"main/1 (Thread-2) at {theirs}: waits to acquire RLock `other.lock`, "
        f"which main/0 (Thread-1) took at {mine}"
    )


def philosophers():
    forks = [threading.Lock() for _ in range(3)]

    def eat(left, right):
        with forks[left], forks[right]:
            pass

    threads = [
        threading.Thread(target=eat, args=(n, (n + 1) % 3), name=name)
        for n, name in enumerate(("Aristotle", "Bacon", "Confucius"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_cycle_of_three_names_the_forks():
    failure = only_failure(philosophers)
    assert failure.message == "each waits for the next: main/0 -> main/1 -> main/2"
    for fork, (waits, philosopher, holder) in zip(
        (1, 2, 0),
        zip(failure.waits[1:], "ABC", ("Bacon", "Confucius", "Aristotle"), strict=True),
        strict=True,
    ):
        assert f"({philosopher}" in waits
        assert f"`forks[{fork}]`" in waits
        assert f"({holder}) took at" in waits


def test_a_lock_taken_twice_waits_for_itself():
    def body():
        lock = threading.Lock()
        together(partial(crosswise, lock, lock, False))

    failure = only_failure(body)
    assert failure.kind == "deadlock"
    assert failure.message.startswith("each waits for the next: main/0/")


def test_a_lock_taken_twice_and_given_back_once_is_still_held():
    def body():
        one, other = threading.RLock(), threading.RLock()

        def take(first, second):
            with first:
                with first:
                    pass
                with second:
                    pass

        together(partial(take, one, other), partial(take, other, one))

    finding = find(body)
    assert finding.failure.kind == "deadlock", finding.report()
    assert "each waits for the next" in finding.failure.message


def test_threads_that_join_each_other_are_a_cycle():
    def body():
        threads = []
        threads.extend(
            threading.Thread(target=lambda n=n: threads[1 - n].join(), name=f"joiner {n}")
            for n in range(2)
        )
        for thread in threads:
            thread.start()

    failure = only_failure(body)
    assert failure.message == "each waits for the next: main/0 -> main/1"
    assert (
        "waits to join thread 'joiner 1', which main/1 (joiner 1) has not ended"
        in (failure.waits[0])
    )


def test_a_cycle_through_a_lock_and_a_join_is_one_cycle():
    def body():
        lock = threading.Lock()

        def work():
            with lock:
                pass

        worker = threading.Thread(target=work)
        with lock:
            worker.start()
            worker.join()

    failure = only_failure(body)
    assert failure.message == "each waits for the next: main -> main/0"


# ------------------------------------------------------------------------------- without a cycle


WAITS = {
    "Queue.get": lambda: queue.Queue().get,
    "Semaphore.acquire": lambda: threading.Semaphore(0).acquire,
    "Event.wait": lambda: threading.Event().wait,
    "Barrier.wait": lambda: threading.Barrier(2).wait,
    "Condition.wait": lambda: partial(wait_in, threading.Condition()),
    "get": lambda: queue.SimpleQueue().get,
}


def wait_in(condition):
    with condition:
        condition.wait()


@pytest.mark.parametrize("name", WAITS)
def test_a_wait_that_nobody_ends_says_what_it_waits_in(name):
    def body():
        wait = WAITS[name]()

        def worker():
            wait()

        together(worker)

    failure = only_failure(body)
    assert failure.kind == "deadlock"
    assert failure.message == "nobody is left who could wake them"
    assert f"waits in {name} of" in failure.waits[1] or f"waits to {name} " in failure.waits[1]


def test_the_name_of_what_is_waited_for_is_the_users_name():
    def body():
        orders = queue.Queue()
        delivered = threading.Event()

        def cook():
            orders.get()

        def guest():
            delivered.wait()

        together(cook, guest)

    _, cook, guest = only_failure(body).waits
    assert "main/0 (Thread-1 (cook))" in cook
    assert "waits in Queue.get of `orders`" in cook
    assert "waits in Event.wait of `delivered`" in guest


# ----------------------------------------------------------------------------------- lost wake-ups


def signal_too_early():
    changed = threading.Condition()

    def announce():
        with changed:
            changed.notify_all()  # too early

    def wait():
        with changed:
            changed.wait()  # too late

    together(wait, announce)


def test_a_lost_wake_up_names_the_notify_that_came_too_early():
    failure = only_failure(signal_too_early)
    early, late = (line_of(signal_too_early, f"# too {when}") for when in ("early", "late"))
    assert failure.kind == "lost wake-up"
    assert failure.message == f"nobody is left to wake them; notified too early: {early}"
    assert f"at {late}: waits in Condition.wait of `changed`" in failure.waits[1]
    assert late in failure.where


def test_a_notify_of_another_condition_is_not_blamed():
    def body():
        heard, deaf = threading.Condition(), threading.Semaphore(0)
        with heard:
            heard.notify()
        together(deaf.acquire)

    failure = only_failure(body)
    assert (failure.kind, failure.message) == ("deadlock", "nobody is left who could wake them")


def test_the_last_notify_in_vain_of_the_right_condition_is_named():
    def body():
        changed, other = threading.Condition(), threading.Condition()

        def announce():
            with changed:
                changed.notify()  # the right one
            with other:
                other.notify()

        def wait():
            time.sleep(100)
            with changed:
                changed.wait()

        together(wait, announce)

    assert line_of(body, "# the right one") in only_failure(body).message


# ------------------------------------------------------------------------------------ no failure


def test_daemon_threads_that_wait_for_ever_are_no_deadlock():
    def body():
        for _ in range(2):
            threading.Thread(target=threading.Event().wait, daemon=True).start()

    finding = find(body)
    assert finding.failure is None
    assert len(finding.warnings) == 2


def test_a_daemon_thread_that_the_body_waits_for_is_one():
    def body():
        worker = threading.Thread(target=threading.Event().wait, daemon=True)
        worker.start()
        worker.join()

    assert only_failure(body).kind == "deadlock"


def test_idle_workers_of_a_pool_are_no_deadlock():
    def body():
        pool = ThreadPoolExecutor(2)
        pool.submit(int).result()

    assert find(body, strategy="bounded", preemptions=1).verdict == "ruled out"


def test_a_sleep_ends_before_anything_is_called_stuck():
    def body():
        done = threading.Event()
        threading.Timer(10_000, done.set).start()
        assert done.wait(timeout=20_000)

    assert find(body).verdict == "ruled out"


def test_an_assertion_before_the_deadlock_is_the_failure():
    def body():
        lock = threading.Lock()

        def fail():
            lock.acquire()
            raise LookupError("and the lock is never given back")

        together(fail, lock.acquire)

    assert only_failure(body).type == "LookupError"


# --------------------------------------------------------------------- whose owner has ended


def kept_lock(broken):
    lock = threading.Lock()

    def forget():
        lock.acquire()  # for ever
        if not broken:
            lock.release()

    def wait():
        with lock:  # in vain
            pass

    together(forget, wait)


def test_a_lock_whose_owner_has_ended_is_no_circle():
    failure = only_failure(partial(kept_lock, True))
    assert failure.kind == "deadlock"
    assert (
        failure.message == "main/0 (Thread-1 (forget)) has ended and still holds what they wait for"
    )
    assert line_of(kept_lock, "in vain") in failure.where
    assert any(line_of(kept_lock, "for ever") in text for text in failure.waits)


def test_a_lock_that_is_given_back_is_ruled_out():
    finding = find(partial(kept_lock, False), strategy="exhaustive")
    assert finding.verdict == "ruled out"
