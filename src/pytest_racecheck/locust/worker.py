"""The program of the worker: ``python -m pytest_racecheck.locust.worker --policy single_owner``."""

from __future__ import annotations

import argparse
import socket
import uuid
from collections.abc import Sequence
from functools import partial

from pytest_racecheck.arguments import Parser, number
from pytest_racecheck.errors import UsageError
from pytest_racecheck.locust.program import FAILED, log, require_zeromq, start

NAME = "locust.worker"


def main(words: Sequence[str]) -> int:
    """0 the master sent it home, 1 it lost the master or never had one, 2 misuse."""
    options = _parser().parse_args(words)
    require_zeromq(NAME)
    import zmq

    from pytest_racecheck.locust.policies import policy
    from pytest_racecheck.locust.roles import Timing, Worker

    chosen = policy(options.policy)
    node_id = options.id or f"{socket.gethostname()}_{uuid.uuid4().hex}"
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    endpoint = f"tcp://{options.host}:{options.port}"
    try:
        link = chosen.connect(context, endpoint, node_id)
    except zmq.ZMQError as problem:
        raise UsageError(
            f"{NAME}: cannot connect to {endpoint} ({problem}): name the master with --host, --port"
        ) from problem
    timing = Timing(
        connect_timeout_s=options.connect_timeout,
        connect_tries=options.connect_tries,
        master_timeout_s=options.master_timeout,
        register_again_s=options.register_again,
    )
    worker = Worker(node_id, link, chosen.outbox(), timing=timing, say=partial(log, "INFO"))
    worker.start()
    worker.join()
    context.term()
    return FAILED if worker.failure else 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog=NAME, description="A Locust worker that makes no load.")
    add, seconds = parser.add_argument, number(float, 0.1, 86_400)
    add("--policy", default="single_owner_priority", help="how the socket is shared")
    add("--host", default="127.0.0.1", help="where the master is (127.0.0.1)")
    add("--port", type=number(int, 1, 65535), default=5557, help="its port (5557)")
    add("--id", help="node id (host name and a random number)")
    add("--connect-timeout", type=seconds, default=5.0, help="wait so long for the ack, s (5)")
    add("--connect-tries", type=number(int, 1, 10_000), default=60, help="1: go on without (60)")
    add("--master-timeout", type=seconds, default=60.0, help="a silence that ends it, s (60)")
    add("--register-again", type=seconds, help="a silence after which to register again, s")
    return parser


if __name__ == "__main__":
    start(main)
