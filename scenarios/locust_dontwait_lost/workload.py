"""The master is slow, the socket small; every report that was queued must arrive or be counted."""

from pytest_racecheck.locust.rig import NODE, wired
from pytest_racecheck.locust.roles import Timing, Worker
from pytest_racecheck.locust.wire import Message, unpack

TIMING = Timing(refusal_pause_s=0.6)
QUIET_MS = 5000


def run(system, *, transport, threads, messages):
    with wired(system.POLICY, transport, high_water=1) as rig:
        link, outbox = system.arrange(rig)
        worker = Worker(NODE, link, outbox, timing=TIMING, clock=lambda: 0.0)
        worker.start("send")
        for number in range(messages):
            worker.queue(Message("stats", {"number": number}, NODE))
        arrived = []
        while rig.router.poll(QUIET_MS):
            message = unpack(rig.router.recv_multipart()[-1])
            if message.type == "stats":
                arrived.append(message.data["number"])
        worker.stop()
        counted = getattr(outbox, "dropped", 0)
        assert len(arrived) + counted == messages, f"{len(arrived)} of {messages} reports arrived"
        assert arrived == sorted(arrived), f"out of order: {arrived}"
