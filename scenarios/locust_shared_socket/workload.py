"""Threads send reports to a master that answers each; all arrive whole, and are answered."""

import sys
import threading

import zmq

from pytest_racecheck.locust.rig import BIND, NODE, context_of_its_own

END = b"end"
NO_LIMIT = 0  # a ROUTER drops what it has no room for, and that is not the subject here
SWITCH_S = 0.0005  # the usual 5 ms hide the race in a loop this short


def run(system, *, transport, threads, messages):
    sys.setswitchinterval(SWITCH_S)
    with context_of_its_own(NO_LIMIT) as context:
        router = context.socket(zmq.ROUTER)
        router.bind(BIND[transport])
        endpoint = router.getsockopt_string(zmq.LAST_ENDPOINT)
        wrong = []
        master = threading.Thread(
            target=answer, args=(router, context, system.FRAMES, wrong), name="master"
        )
        with context.socket(zmq.PUSH) as end:
            end.bind("inproc://end")
            master.start()
            answers = system.exchange(context, endpoint, NODE.encode(), threads, messages)
            end.send(END)
            master.join()
        assert not wrong, f"{len(wrong)} reports arrived broken, the first with {wrong[0]} frames"
        assert answers == threads * messages, f"{answers} of {threads * messages} were answered"


def answer(router, context, count, wrong):
    with router, context.socket(zmq.PULL) as end:
        end.connect("inproc://end")
        poller = zmq.Poller()
        poller.register(router, zmq.POLLIN)
        poller.register(end, zmq.POLLIN)
        while True:
            ready = dict(poller.poll())
            if router in ready:
                identity, *frames = router.recv_multipart()
                if len(frames) != count or frames[-1] != frames[0]:
                    wrong.append(len(frames))
                router.send_multipart([identity, frames[0]])
            elif end in ready:
                return
