"""A worker sends one payload with a byte too many; the two must come to rest."""

import threading

from pytest_racecheck.locust.master_state import MasterState
from pytest_racecheck.locust.rig import BIND, NODE, context_of_its_own
from pytest_racecheck.locust.serving import Master, bind
from pytest_racecheck.locust.sharing import dealer
from pytest_racecheck.locust.wire import pack, unpack
from pytest_racecheck.locust.worker_state import WorkerState

TICKS = 3


def run(system, *, transport, threads, messages):
    with context_of_its_own() as context:
        router = bind(context, BIND[transport])
        socket = dealer(context, BIND[transport], NODE)
        thread = threading.Thread(target=work, args=(system, socket), name="worker")
        thread.start()
        master = Master(router, MasterState())
        master.serve(lambda state: state.refused >= messages or state.ticks >= TICKS)
        refused = master.state.refused
        master.send(master.state.quit())
        thread.join()
        assert refused == 1, f"the same payload was refused {refused} times, and no end"


def work(system, socket):
    state = WorkerState(NODE)
    socket.send(pack(state.ready()))
    broken = pack(state.heartbeat()) + b"!"
    socket.send(broken)
    while not state.ended:
        message = unpack(socket.recv())
        state.receive(message)
        if message.type == "reconnect":
            system.reconnect(socket, broken)
