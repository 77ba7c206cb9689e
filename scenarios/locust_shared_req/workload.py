"""Threads ask questions over one REQ; each gets the answers to its own, and no error."""

import sys
import threading

import zmq

from pytest_racecheck.locust.rig import BIND, context_of_its_own

EFSM, ETERM = 156384763, 156384765
SWITCH_S = 0.0005


def run(system, *, transport, threads, messages):
    assert (zmq.EFSM, zmq.ETERM) == (EFSM, ETERM)
    sys.setswitchinterval(SWITCH_S)
    with context_of_its_own() as context:
        with context.socket(zmq.REP) as replies, context.socket(zmq.REQ) as socket:
            replies.bind(BIND[transport])
            socket.connect(replies.getsockopt_string(zmq.LAST_ENDPOINT))
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
            if not wrong:
                socket.send(b"end")
                socket.recv()
                echo.join()
            errnos = {one for one in wrong if one is not None}
            assert not wrong, f"{len(wrong)} of {threads * messages} went wrong, errnos {errnos}"


def answer(replies):
    question = b""
    while question != b"end":
        question = replies.recv()
        replies.send(question)


def ask(system, socket, lock, name, messages, wrong):
    for number in range(messages):
        question = b"%d %d" % (name, number)
        try:
            if system.exchange(socket, lock, question) != question:
                wrong.append(None)
        except zmq.ZMQError as error:
            wrong.append(error.errno)
