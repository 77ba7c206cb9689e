"""The lock-order graph: its edges, and the cycles of it that several tasks could close."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from pytest_racecheck.diagnosis.control import controlled_runner
from pytest_racecheck.diagnosis.plan import Plan
from pytest_racecheck.engine.lock_cycles import MAX_CYCLES, lock_cycles
from pytest_racecheck.engine.watching import Watch
from twins import crosswise, together


def watched(body):
    """What the watch heard in the execution without preemptions."""
    plan = Plan(strategy="exhaustive", points="sync")
    with controlled_runner(body, plan) as runner:
        watch = runner.watch = Watch(lock_order=True)
        execution = runner.execute(next(plan.make_strategy().deciders()))
    assert not execution.failures
    return watch


def nested(*locks):
    """Takes the first, then the second while it holds that, and so on."""
    if locks:
        with locks[0]:
            nested(*locks[1:])


def locks(count, kind=threading.Lock):
    return [kind() for _ in range(count)]


def one_way(kind):
    crosswise(kind(), kind(), broken=False)


def both_ways(kind):
    crosswise(kind(), kind(), broken=True)


def ring(size=3):
    made = locks(size)
    together(*(partial(nested, made[n], made[(n + 1) % size]) for n in range(size)))


def behind_a_gate():
    gate, a, b = locks(3)
    together(partial(nested, gate, a, b), partial(nested, gate, b, a))


def behind_two_gates():
    one, other, a, b = locks(4)
    together(partial(nested, one, a, b), partial(nested, other, b, a))


def after_a_join():
    a, b = locks(2)
    together(partial(nested, a, b))
    nested(b, a)


def before_a_start():
    a, b = locks(2)
    nested(b, a)
    together(partial(nested, a, b))


def by_one_task():
    a, b = locks(2)
    together(partial(lambda: (nested(a, b), nested(b, a))))


def re_entered():
    lock = threading.RLock()
    together(*[partial(nested, lock, lock)] * 2)


def only_tried(**how):
    a, b = locks(2)

    def other():
        with b:
            if a.acquire(**how):
                a.release()

    together(partial(nested, a, b), other)


def two_at_once():
    a, b = threading.Semaphore(2), threading.Semaphore(2)
    together(partial(nested, a, b), partial(nested, b, a))


def handed_over():
    """The baton is given back by another than who took it: nobody holds it while it waits."""
    baton, lock = locks(2)
    baton.acquire()

    def one():
        with lock:
            baton.acquire()

    def other():
        baton.release()
        with lock:
            pass

    together(one, other)


def taken_again_after_a_wait():
    """A wait gives the condition back and takes it again, with the other lock still held."""
    lock, changed, ready = threading.Lock(), threading.Condition(), []

    def wait():
        with changed, lock:
            while not ready:
                changed.wait(timeout=0.1)

    def wake():
        with changed:
            ready.append(1)
            changed.notify()

    together(wait, wake)


CYCLES = {
    partial(both_ways, threading.Lock): 1,
    partial(both_ways, threading.RLock): 1,
    partial(both_ways, threading.Condition): 1,
    partial(both_ways, threading.Semaphore): 1,
    partial(both_ways, threading.BoundedSemaphore): 1,
    ring: 1,
    behind_two_gates: 1,
    partial(one_way, threading.Lock): 0,
    partial(one_way, threading.Semaphore): 0,
    behind_a_gate: 0,
    after_a_join: 0,
    before_a_start: 0,
    by_one_task: 0,
    re_entered: 0,
    partial(only_tried, blocking=False): 0,
    partial(only_tried, timeout=5): 0,
    two_at_once: 0,
    handed_over: 0,
}


@pytest.mark.parametrize("body", CYCLES)
def test_a_cycle_counts_when_several_tasks_could_close_it(body):
    assert len(watched(body).cycles) == CYCLES[body]


def test_an_edge_tells_who_and_where():
    def body():
        together(partial(nested, *locks(2)))

    [edge] = watched(body).orders.edges
    line = nested.__code__.co_firstlineno + 3
    assert (edge.path, edge.held_at, edge.wanted_at) == (
        *("main/0", f"test_lock_order.py:{line}", f"test_lock_order.py:{line}"),
    )
    assert edge.holding == {edge.held}
    assert edge.arrival == 2


def test_three_locks_at_once_have_three_edges():
    edges = watched(lambda: together(partial(nested, *locks(3)))).orders.edges
    assert [len(edge.holding) for edge in edges] == [1, 2, 2]


def test_a_lock_taken_again_after_a_wait_is_taken_while_the_others_are_held():
    edges = watched(taken_again_after_a_wait).orders.edges
    pairs = {(edge.held, edge.wanted) for edge in edges}
    assert {pair[::-1] for pair in pairs} == pairs
    assert len(pairs) == 2


def test_locks_inside_queues_and_events_are_none_of_the_programs():
    import queue

    def body():
        jobs, ready, lock = queue.Queue(), threading.Event(), threading.Lock()

        def work():
            with lock:
                jobs.put(1)
                ready.set()

        together(work, work)

    assert watched(body).orders is None


def test_alike_cycles_are_one_and_a_large_graph_is_searched_in_bounds():
    def body():
        a, b = locks(2)
        together(*[partial(nested, a, b), partial(nested, b, a)] * 6)

    assert len(watched(body).cycles) == 1

    def many():
        made = locks(8)
        pairs = [(a, b) for a in made for b in made if a is not b]
        together(*(partial(nested, *pair) for pair in pairs))

    assert 0 < len(watched(many).cycles) <= MAX_CYCLES
    assert lock_cycles([]) == []
