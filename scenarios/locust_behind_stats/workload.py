"""Statistics have piled up and a heartbeat is due; it must not wait for the whole pile."""

from pytest_racecheck.locust.rig import NODE, wired
from pytest_racecheck.locust.roles import Timing, Worker
from pytest_racecheck.locust.wire import Message, unpack

TIMING = Timing(refusal_pause_s=0.6)
UNDER_WAY = 4  # in the pipe, at the socket, with the sender


def run(system, *, transport, threads, messages):
    with wired(system.POLICY, transport, high_water=1) as rig:
        worker = Worker(NODE, rig.link, rig.outbox, timing=TIMING, clock=lambda: 0.0)
        for _ in range(messages):
            worker.queue(Message("stats", {}, NODE))
        worker.queue(worker.state.heartbeat())
        worker.start("send")
        before = 0
        while unpack(rig.router.recv_multipart()[-1]).type != "heartbeat":
            before += 1
        for _ in range(messages - before):
            rig.hear("stats")
        worker.stop()
        assert before <= UNDER_WAY, f"the heartbeat came after {before} other messages"
