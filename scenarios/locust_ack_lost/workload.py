"""Registrations are lost, none, one, two; the master must get to know its worker all the same."""

import threading

from pytest_racecheck.locust.master_state import MasterState
from pytest_racecheck.locust.rig import BIND, NODE, context_of_its_own
from pytest_racecheck.locust.serving import Master, bind
from pytest_racecheck.locust.sharing import dealer
from pytest_racecheck.locust.solo import Solo
from pytest_racecheck.locust.worker_state import WorkerState

PATIENCE_TICKS = 7


def run(system, *, transport, threads, messages):
    for lost in range(messages):
        register(lost, system, transport)


def register(lost, system, transport):
    with context_of_its_own() as context:
        router = bind(context, BIND[transport])
        worker = Solo(
            dealer(context, BIND[transport], NODE), WorkerState(NODE), insists=system.INSISTS
        )
        thread = threading.Thread(target=worker.run, name="worker")
        thread.start()
        for _ in range(lost):
            router.recv_multipart()
        said = []
        master = Master(router, MasterState(whisper=said.append))
        master.serve(lambda state: state.state == "running" or state.ticks > PATIENCE_TICKS)
        known = NODE in master.state.nodes
        master.state.nodes.setdefault(NODE, None)  # to send it home, known or not
        master.send(master.state.quit())
        thread.join()
        assert known, f"{lost} registrations lost, and the master says: {said[-1]}"
