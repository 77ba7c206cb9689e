"""Threads ask questions over one REQ; each gets the answers to its own, and no error."""

import sys
import threading

import zmq

from pytest_racecheck.locust.rig import BIND, context_of_its_own

EFSM, ETERM = 156384763, 156384765
SWITCH_S = 0.0005
STUCK_MS = 1000  # once its cycle is broken, a REQ may wait for an answer that was never asked for
ENOUGH = 20


def run(system, *, transport, threads, messages):
    assert (zmq.EFSM, zmq.ETERM) == (EFSM, ETERM)
    sys.setswitchinterval(SWITCH_S)
    with context_of_its_own() as context:
        with context.socket(zmq.REP) as replies, context.socket(zmq.REQ) as socket:
            replies.bind(BIND[transport])
            socket.connect(replies.getsockopt_string(zmq.LAST_ENDPOINT))
            socket.rcvtimeo = socket.sndtimeo = STUCK_MS
            echo = threading.Thread(target=answer, args=(replies,), name="echo")
            echo.start()
            wrong, lock = [], threading.Lock()
            askers = [
                threading.Thread(target=ask, args=(system, socket, lock, name, messages, wrong))
                for name in range(threads)
            ]
            for asker in askers:
                asker.start()
            for asker in askers:
                asker.join()
            errnos = sorted({one for one in wrong if one is not None})
            assert not wrong, f"{wrong.count(None)} wrong answers, and errors with errno {errnos}"
            socket.send(b"end")
            socket.recv()
            echo.join()


def answer(replies):
    question = b""
    while question != b"end":
        question = replies.recv()
        replies.send(question)


def ask(system, socket, lock, name, messages, wrong):
    for number in range(messages):
        if len(wrong) >= ENOUGH:
            return
        question = b"%d %d" % (name, number)
        try:
            if system.exchange(socket, lock, question) != question:
                wrong.append(None)
        except zmq.ZMQError as error:
            wrong.append(error.errno)
