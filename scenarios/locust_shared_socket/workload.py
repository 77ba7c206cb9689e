"""Threads send reports to a master; all arrive, whole, and those that ask are answered."""

import sys
import threading

import zmq

from pytest_racecheck.locust.rig import BIND, NODE, context_of_its_own

NO_LIMIT = 0  # a ROUTER drops what it has no room for, and that is not the subject here
GRACE_MS = 2000  # what was sent last may still be under way
SWITCH_S = 0.0005  # the usual 5 ms hide the race in a loop this short


def run(system, *, transport, threads, messages):
    sys.setswitchinterval(SWITCH_S)
    total, arrived, wrong = threads * messages, [], []
    with context_of_its_own(NO_LIMIT) as context:
        router = context.socket(zmq.ROUTER)
        router.bind(BIND[transport])
        endpoint = router.getsockopt_string(zmq.LAST_ENDPOINT)
        master = threading.Thread(
            target=serve, args=(router, context, system, total, arrived, wrong), name="master"
        )
        with context.socket(zmq.PUSH) as end:
            end.bind("inproc://end")
            master.start()
            system.exchange(context, endpoint, NODE.encode(), threads, messages)
            end.send(b"end")
            master.join()
        assert not wrong, f"{len(wrong)} reports arrived broken, the first with {wrong[0]} frames"
        assert len(arrived) == total, f"{len(arrived)} of {total} reports arrived"


def serve(router, context, system, total, arrived, wrong):
    with router, context.socket(zmq.PULL) as end:
        end.connect("inproc://end")
        poller = zmq.Poller()
        poller.register(router, zmq.POLLIN)
        poller.register(end, zmq.POLLIN)
        while end not in dict(poller.poll()):
            book(router, system, arrived, wrong)
        while len(arrived) < total and router.poll(GRACE_MS):
            book(router, system, arrived, wrong)


def book(router, system, arrived, wrong):
    identity, *frames = router.recv_multipart()
    arrived.append(frames[0])
    if len(frames) != system.FRAMES or frames[-1] != frames[0]:
        wrong.append(len(frames))
    if system.ANSWERS:
        router.send_multipart([identity, frames[0]])
