"""A heartbeat is due while the receiver keeps trying; it may wait for four of its tries."""

import threading
import time

from pytest_racecheck.locust.rig import wired

TRIES = 4


def run(system, *, transport, threads, messages):
    with wired(system.POLICY, transport) as rig:
        latencies_s = []
        receiver = threading.Thread(target=receive, args=(rig.link, messages), name="receiver")
        sender = threading.Thread(target=send, args=(rig.link, latencies_s), name="sender")
        receiver.start()
        sender.start()
        sender.join()
        rig.link.interrupt()
        receiver.join()
        rig.link.close()
        worst_s = max(latencies_s)
        bound_s = TRIES * system.TRY_S
        assert worst_s < bound_s + 0.01, (
            f"a heartbeat waited for {worst_s:.2f} s, {worst_s / system.TRY_S:.0f} tries"
        )


def receive(link, tries):
    """Nothing comes: the master is silent."""
    for _ in range(tries):
        link.recv()


def send(link, latencies_s):
    due_s = time.monotonic()
    link.send(b"heartbeat")
    latencies_s.append(time.monotonic() - due_s)
