"""Heartbeats while the socket is full; the master must hear them in order, the newest at last."""

from pytest_racecheck.locust.rig import NODE, wired
from pytest_racecheck.locust.roles import Timing, Worker
from pytest_racecheck.locust.wire import unpack

TIMING = Timing(refusal_pause_s=0.6)
QUIET_MS = 5000


def run(system, *, transport, threads, messages):
    with wired(system.POLICY, transport, high_water=1) as rig:
        worker = Worker(NODE, rig.link, rig.outbox, timing=TIMING, clock=lambda: 0.0)
        worker.start("send")
        for _ in range(messages):
            worker.queue(worker.state.heartbeat())
        arrived = []
        while rig.router.poll(QUIET_MS):
            message = unpack(rig.router.recv_multipart()[-1])
            if message.type == "heartbeat":
                arrived.append(message.data["sequence"])
        worker.stop()
        assert arrived == sorted(arrived), f"the master went back in time: {arrived}"
        assert arrived[-1] == messages, f"the master never heard the newest: {arrived}"
