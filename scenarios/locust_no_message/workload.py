"""A master is silent for a while and then says `quit`; the receiver must live to hear it."""

import threading
import time

from pytest_racecheck.locust.rig import NODE, wired
from pytest_racecheck.locust.wire import pack
from pytest_racecheck.locust.worker_state import WorkerState


def run(system, *, transport, threads, messages):
    with wired("lock_timeout_yield(1000)", transport) as rig:
        state = WorkerState(NODE)
        rig.link.send(pack(state.ready()))
        receiver = threading.Thread(target=receive, args=(system, rig.link, state), name="receiver")
        receiver.start()
        rig.hear("client_ready")
        time.sleep(messages + 1)
        rig.say("quit")
        receiver.join()
        assert state.ended, "the receiver ended before the master said so"
        rig.link.close()


def receive(system, link, state):
    while not state.ended:
        system.handle(state, link.recv())
