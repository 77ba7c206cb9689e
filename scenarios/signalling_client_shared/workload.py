"""Threads ask one server and wait for the answer; each must get the answer to its own question."""

import threading

import zmq

BIND = {"inproc": "inproc://control", "tcp": "tcp://127.0.0.1:*"}
LINGER_MS = 1000


def run(system, *, transport, threads, messages):
    context = zmq.Context()
    context.linger = LINGER_MS
    wrong = []
    try:
        with context.socket(system.SERVER) as server:
            server.bind(BIND[transport])
            with system.bus(context, server.getsockopt_string(zmq.LAST_ENDPOINT)) as bus:
                askers = [
                    threading.Thread(target=ask, args=(system, bus, i, messages, wrong))
                    for i in range(threads)
                ]
                for asker in askers:
                    asker.start()
                for _ in range(threads * messages):
                    system.answer(server)
                for asker in askers:
                    asker.join()
        assert not wrong, f"{len(wrong)} answers went to the wrong thread, first: {wrong[0]}"
    finally:
        context.destroy(linger=0)


def ask(system, bus, i, messages, wrong):
    """Ask, wait, compare; a wrong answer is noted, not raised, so that the server can finish."""
    with system.channel(bus) as channel:
        for number in range(messages):
            question = b"thread %d question %d" % (i, number)
            answer = system.ask(channel, question)
            if answer != question:
                wrong.append(f"{question.decode()} got the answer to {answer.decode()}")
