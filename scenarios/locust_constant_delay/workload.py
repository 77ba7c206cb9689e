"""Heartbeats reach the master late, as the variant has it; the worker must never be missing."""

import threading
import time

from pytest_racecheck.locust.master_state import MasterState
from pytest_racecheck.locust.rig import NODE
from pytest_racecheck.locust.wire import pack
from pytest_racecheck.locust.worker_state import WorkerState


def run(system, *, transport, threads, messages):
    said = []
    master, lock, worker = MasterState(say=said.append), threading.Lock(), WorkerState(NODE)
    receive(master, lock, worker.ready())
    heartbeats = threading.Thread(target=beat, args=(system, master, lock, worker, messages))
    heartbeats.start()
    for _ in range(messages + 4):  # longer than the heartbeats last would be their own fault
        time.sleep(1)
        with lock:
            if worker.beats == messages:
                break
            master.tick()
    heartbeats.join()
    assert not [line for line in said if "missing" in line], said


def beat(system, master, lock, worker, messages):
    """One heartbeat a second, each of them late."""
    due_s = 0.0
    arrives_s = 0.0
    for number in range(messages):
        lands_s = due_s + system.delay_s(number)
        time.sleep(max(0.0, lands_s - arrives_s))
        arrives_s = max(arrives_s, lands_s)
        receive(master, lock, worker.heartbeat())
        due_s += 1


def receive(master, lock, message):
    with lock:
        master.receive(NODE.encode(), pack(message))
