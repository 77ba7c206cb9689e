"""Sets of threads and futures have the order of birth under control, and work before and after."""

from __future__ import annotations

import concurrent.futures._base as base
import threading
from concurrent.futures import Future

from pytest_racecheck import replay
from twins import find, together


def test_a_set_of_threads_has_the_same_order_in_every_execution():
    orders = []

    def body():
        started = []
        threads = {threading.Thread(target=int) for _ in range(20)}
        for thread in threads:
            started.append(thread.name)
            thread.start()
        for thread in threads:
            thread.join()
        orders.append(started)

    find(body, strategy="random", executions=10)
    assert len(orders) >= 10
    assert all(order == orders[0] for order in orders)


def test_a_set_of_futures_has_the_same_order_in_every_execution():
    orders = []

    def body():
        together(int)
        futures = [Future() for _ in range(20)]
        for number, future in enumerate(futures):
            future.set_result(number)
        orders.append([future.result() for future in set(futures)])
        orders.append([future.result() for future in base.wait(futures).done])

    find(body, strategy="random", executions=10)
    assert len(orders) >= 20
    assert all(order == orders[0] for order in orders)


def test_threads_and_futures_made_before_are_found_in_their_sets():
    thread, future = threading.Thread(target=int), Future()
    threads, futures = {thread: 1, threading.current_thread(): 2}, {future}

    def body():
        together(int)
        assert thread in threads
        assert threading.current_thread() in threads
        assert future in futures
        assert base.Future() not in futures

    assert find(body).failure is None
    assert thread in threads
    assert future in futures


def test_equality_is_still_identity():
    def body():
        one, other = threading.Thread(target=int), threading.Thread(target=int)
        assert one != other
        assert len({one, other, one}) == 2
        assert Future() != Future()
        together(int)

    assert find(body).failure is None


def test_waiting_for_the_first_of_many_replays():
    def body():
        futures, got = [Future() for _ in range(4)], []
        threads = [threading.Thread(target=f.set_result, args=(n,)) for n, f in enumerate(futures)]
        for thread in threads:
            thread.start()
        while len(got) < 4:
            done, _ = base.wait(set(futures) - set(got), return_when=base.FIRST_COMPLETED)
            got.extend(done)
        for thread in threads:
            thread.join()
        assert [future.result() for future in got] == [0, 1, 2, 3]

    finding = find(body, strategy="random", executions=300)
    assert finding.verdict == "reproduced", finding.report()
    assert replay(body, finding.schedule, points="sync", replays=20).replays == (20, 20)
