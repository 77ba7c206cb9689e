"""A master that has acknowledged a worker waits for its heartbeats; they must come."""

from pytest_racecheck.locust.rig import NODE, wired
from pytest_racecheck.locust.roles import Worker


def run(system, *, transport, threads, messages):
    with wired(system.POLICY, transport) as rig:
        worker = Worker(NODE, rig.link, rig.outbox, clock=lambda: 0.0)
        worker.start("receive", "send")
        rig.hear("client_ready")
        rig.say("ack", {"index": 0})
        for _ in range(messages):
            worker.queue(worker.state.heartbeat())
            rig.hear("heartbeat")
        rig.say("quit")
        worker.join()
