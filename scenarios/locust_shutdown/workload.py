"""A registered worker is stopped from this side; it must end in order, and report no failure."""

from pytest_racecheck.locust.rig import NODE, wired
from pytest_racecheck.locust.roles import Worker


def run(system, *, transport, threads, messages):
    with wired(system.POLICY, transport) as rig:
        worker = Worker(NODE, rig.link, rig.outbox, clock=lambda: 0.0)
        worker.start("receive")  # no sender: the socket is not shared
        rig.hear("client_ready")
        rig.router.close()  # the context can end
        worker.stop()
        assert worker.failure is None, worker.failure
