"""The master is replaced after each step of the protocol; the new one must get its test to run."""

import threading

from pytest_racecheck.locust.master_state import MasterState
from pytest_racecheck.locust.rig import BIND, NODE, context_of_its_own
from pytest_racecheck.locust.serving import Master, bind
from pytest_racecheck.locust.sharing import dealer
from pytest_racecheck.locust.solo import Solo
from pytest_racecheck.locust.worker_state import WorkerState

PATIENCE_TICKS = 9


def run(system, *, transport, threads, messages):
    for step in range(1, messages + 1):
        restart_after(step, system, transport)


def restart_after(step, system, transport):
    with context_of_its_own() as context:
        router = bind(context, BIND[transport])
        socket = dealer(context, BIND[transport], NODE)
        worker = Solo(socket, WorkerState(NODE), register_again_s=system.REGISTER_AGAIN_S)
        thread = threading.Thread(target=worker.run, name="worker")
        thread.start()
        Master(router, MasterState()).serve(lambda old: sum(old.received.values()) >= step)
        new = Master(router, MasterState())
        new.serve(lambda state: state.state == "running" or state.ticks > PATIENCE_TICKS)
        found = new.state.state
        asked_to_quit = worker.state.ended  # in the middle of spawning: it is not left alone either
        new.state.nodes.setdefault(NODE, None)  # to send it home, known or not
        new.send(new.state.quit())
        thread.join()
        assert found == "running" or asked_to_quit, (
            f"master restarted after {step} messages: the new one never ran a test, "
            f"and heard {dict(new.state.received)}"
        )
