"""A worker is cut off after each step of the protocol; it must not run on in a stopped test."""

import threading

from pytest_racecheck.locust.master_state import MasterState
from pytest_racecheck.locust.rig import BIND, NODE, context_of_its_own
from pytest_racecheck.locust.serving import Master, bind
from pytest_racecheck.locust.sharing import dealer
from pytest_racecheck.locust.solo import Solo
from pytest_racecheck.locust.worker_state import WorkerState

TICKS_TO_MISSING = 5
TICKS_TO_SETTLE = 4


def run(system, *, transport, threads, messages):
    for step in range(1, messages + 1):
        cut_after(step, system, transport)


def cut_after(step, system, transport):
    with context_of_its_own() as context:
        router = bind(context, BIND[transport])
        worker = Solo(dealer(context, BIND[transport], NODE), WorkerState(NODE))
        thread = threading.Thread(target=worker.run, name="worker")
        thread.start()
        state = MasterState(repeat_stop=system.REPEAT_STOP)
        master = Master(router, state)
        master.serve(lambda state: sum(state.received.values()) >= step)
        for _ in range(TICKS_TO_MISSING):
            state.tick()  # what it would send is lost
        assert state.nodes[NODE].state == "missing"
        end = state.ticks + TICKS_TO_SETTLE
        master.serve(lambda state: state.ticks >= end)
        test, runs = state.state, worker.state.state
        master.send(state.quit())
        thread.join()
        assert not (test == "stopped" and runs == "running"), (
            f"cut off after {step} messages: the worker runs, and the test was stopped"
        )
