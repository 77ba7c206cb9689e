"""A worker's process stands still for a while; the master must not declare it missing."""

import signal
import subprocess
import sys
import time

import zmq

from pytest_racecheck.locust.master_state import MasterState
from pytest_racecheck.locust.rig import BIND, context_of_its_own
from pytest_racecheck.locust.serving import Master, bind

SETTLE_TICKS = 2


def run(system, *, transport, threads, messages):
    said = []
    with context_of_its_own() as context:
        router = bind(context, BIND[transport])
        port = router.getsockopt_string(zmq.LAST_ENDPOINT).rpartition(":")[2]
        command = [sys.executable, "-m", "pytest_racecheck.locust.worker", "--port", port]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as worker:
            try:
                master = Master(router, MasterState(say=said.append))
                master.serve(lambda state: state.state == "running")
                worker.send_signal(signal.SIGSTOP)
                thaw_s = time.monotonic() + system.FROZEN_S
                master.serve(lambda state: time.monotonic() >= thaw_s)
                worker.send_signal(signal.SIGCONT)
                end = master.state.ticks + SETTLE_TICKS
                master.serve(lambda state: state.ticks >= end)
                master.send(master.state.quit())
                worker.wait()
            finally:
                worker.kill()
    missing = [line for line in said if "missing" in line or "self-healed" in line]
    assert not missing, " ".join(missing)
