"""A master is busy for seven seconds, then ticks on; its worker must not go missing after that."""

import threading
import time

from pytest_racecheck.locust.master_state import MasterState
from pytest_racecheck.locust.rig import NODE, wired
from pytest_racecheck.locust.wire import pack
from pytest_racecheck.locust.worker_state import WorkerState

BUSY_S = 7.2
TICKS = 6


def run(system, *, transport, threads, messages):
    with wired("lock_dontwait(drop)", transport, high_water=1) as rig:
        ended = threading.Event()
        worker = threading.Thread(target=beat, args=(system, rig.link, ended), name="heartbeater")
        worker.start()
        said = []
        master = MasterState(say=said.append)
        master.receive(NODE.encode(), rig.router.recv_multipart()[-1])
        time.sleep(BUSY_S)
        for _ in range(TICKS):
            while rig.router.poll(0):
                master.receive(*rig.router.recv_multipart())
            master.tick()
            time.sleep(1)
        ended.set()
        worker.join()
        missing = [line for line in said if "missing" in line]
        assert not missing, missing


def beat(system, link, ended):
    state = WorkerState(NODE)
    link.send(pack(state.ready()))
    while not ended.wait(1):
        system.send_heartbeat(link, pack(state.heartbeat()), ended)
