"""Each kind of injection finds the bug of the one twin, and nothing in the other, in both modes."""

from __future__ import annotations

import pytest

import injected_programs as programs
from pytest_racecheck import barrier, delay, fault, hold, order
from two_modes import controlled, free, together

HERE = "injected_programs"
STORE, READ, SEND = f"{HERE}:Till.store", f"{HERE}:Till.read", f"{HERE}:Wire.send"
both_modes = pytest.mark.parametrize("run", [controlled, free], ids=["controlled", "free"])


def adds(inject, add, *, times=2):
    """Two threads add to a till while ``inject()`` is armed."""

    def body():
        till = programs.Till()
        with inject():
            together(*[lambda: add(till)] * times)
        assert till.total == times, "an update was lost"

    return body


@both_modes
def test_a_delay_between_read_and_write_loses_an_update_unless_there_is_a_lock(run):
    def late():
        return delay("read", 100)

    assert run(adds(late, programs.Till.add)) == "AssertionError"
    assert run(adds(late, programs.Till.add_locked)) is None


@both_modes
def test_two_threads_meet_before_the_write_unless_there_is_a_lock(run):
    def meeting():
        return barrier(STORE, 2, within_s=0.2)

    assert run(adds(meeting, programs.Till.add)) == "AssertionError"
    assert run(adds(meeting, programs.Till.add_locked)) == "NotMet"


@both_modes
def test_a_barrier_serves_one_group_after_the_other(run):
    def meeting():
        return barrier(f"{HERE}:plain", 2)

    def body():
        with meeting() as met:
            together(*[lambda: [programs.plain(1) for _ in range(3)]] * 2)
        assert met.fired == 6

    assert run(body) is None


@both_modes
def test_an_order_leads_into_the_race_and_cannot_be_met_with_a_lock(run):
    def a_lost_update():
        return order([(READ, "a"), (READ, "b"), (STORE, "a"), (STORE, "b")], within_s=0.2)

    assert run(adds(a_lost_update, programs.Till.add)) == "AssertionError"
    assert run(adds(a_lost_update, programs.Till.add_locked)) == "NotMet"


@both_modes
def test_an_order_without_the_race_is_always_kept(run):
    def one_after_the_other():
        return order([(READ, "b"), (STORE, "b"), (READ, "a"), (STORE, "a")])

    assert run(adds(one_after_the_other, programs.Till.add)) is None


@both_modes
def test_an_order_of_probes_and_moments(run):
    seen = []

    def body():
        seen.clear()
        till = programs.Till()
        with order([(f"{STORE}:after", "b"), ("read", "a")]):
            together(till.add, till.add)
        seen.append(till.total)

    assert run(body) is None  # b has written before a goes on from its probe ...
    assert seen[0] in (1, 2)  # ... but a may have read before that


def holds(add):
    """While one thread is held before its write, another one adds."""

    def body():
        till = programs.Till()
        with hold(STORE, by="a", within_s=0.3) as held:

            def other():
                held.wait()
                add(till)
                held.release()

            together(lambda: add(till), other)
        assert till.total == 2, "an update was lost"

    return body


@both_modes
def test_a_thread_that_is_held_in_the_window_loses_an_update_unless_there_is_a_lock(run):
    assert run(holds(programs.Till.add)) == "AssertionError"
    assert run(holds(programs.Till.add_locked)) == "NotMet"  # the other one cannot get in


class Lost(ConnectionError):
    """What the network says."""


FAULTS = {
    "raise": lambda: fault(SEND, Lost, skip=1, times=1),
    "an instance": lambda: fault(SEND, Lost("gone"), skip=1, times=1),
    "answer lost": lambda: fault(f"{SEND}:after", Lost, skip=1, times=1),
    "drop": lambda: fault(SEND, "drop", skip=1, times=1),
    "duplicate": lambda: fault(SEND, "duplicate", skip=1, times=1),
    "reorder": lambda: fault(SEND, "reorder", returns=True, skip=1, times=1),
    "disconnect": lambda: fault(SEND, "disconnect", skip=1, times=1),
}


@both_modes
@pytest.mark.parametrize("kind", FAULTS)
def test_a_client_that_bears_no_fault_is_broken_by_it_and_its_fix_is_not(run, kind):
    def body_of(client_class):
        def body():
            client = client_class(programs.Wire())
            with FAULTS[kind]():
                together(lambda: client.send_all(4))
            assert client.received() == [0, 1, 2, 3]

        return body

    assert run(body_of(programs.Careless)) == "AssertionError"
    assert run(body_of(programs.Careful)) is None


@both_modes
def test_without_a_fault_even_the_careless_client_is_right(run):
    def body():
        client = programs.Careless(programs.Wire())
        together(lambda: client.send_all(4))
        assert client.received() == [0, 1, 2, 3]

    assert run(body) is None


@both_modes
def test_a_call_that_nobody_overtook_is_made_at_the_end(run):
    def body():
        wire = programs.Wire()
        with fault(SEND, "reorder"):
            together(lambda: wire.send(1))
            assert wire.arrived == []
        assert wire.arrived == [1]

    assert run(body) is None
