"""The program of the master: ``python -m pytest_racecheck.locust.master --port 5557``."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from pytest_racecheck.arguments import Parser, number
from pytest_racecheck.errors import UsageError
from pytest_racecheck.locust.program import FAILED, log, require_zeromq, start

if TYPE_CHECKING:
    from pytest_racecheck.locust.master_state import MasterState

NAME = "locust.master"


def main(words: Sequence[str]) -> int:
    """0 the test ran to its end, 1 no worker was there or the last went missing, 2 misuse."""
    options = _parser().parse_args(words)
    require_zeromq(NAME)
    import zmq

    from pytest_racecheck.locust.master_state import LoadTest, MasterState
    from pytest_racecheck.locust.serving import Master, bind

    test = LoadTest(options.users, options.spawn_rate, options.user_class, options.expect_workers)
    whisper = partial(log, "DEBUG") if options.verbose else lambda _: None
    state = MasterState(test, say=partial(log, "INFO"), whisper=whisper)
    with zmq.Context() as context:
        try:
            socket = bind(context, f"tcp://{options.host}:{options.port}")
        except zmq.ZMQError as problem:
            raise UsageError(
                f"{NAME}: cannot listen at {options.host}:{options.port} ({problem}): "
                "choose another with --host and --port"
            ) from problem
        with socket:
            state.say(f"Waiting for workers to be ready, 0 of {test.expect_workers} connected")
            master = Master(socket, state)
            master.serve(_until(options.run_time, options.max_wait))
            master.send(state.quit())
    return 0 if state.state == "running" else FAILED


def _until(run_time_s: float, max_wait_s: float) -> Callable[[MasterState], bool]:
    """The end: `run_time_s` after all workers are running, or nobody to run with for too long."""
    began_s = time.monotonic()
    running_s: list[float] = []

    def end(state: MasterState) -> bool:
        now_s = time.monotonic()
        if state.state == "running" and not running_s:
            running_s.append(now_s)
        if running_s:
            return state.state == "stopped" or now_s - running_s[0] >= run_time_s
        if now_s - began_s < max_wait_s:
            return False
        state.say(f"No test was running after {max_wait_s:g} s, giving up.")
        return True

    return end


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog=NAME, description="A Locust master that makes no load: one test, headless."
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen at (127.0.0.1)")
    add("--port", type=number(int, 1, 65535), default=5557, help="port to listen at (5557)")
    add("--users", type=number(int, 1, 1_000_000), default=1, help="users in all (1)")
    add("--spawn-rate", type=number(float, 0.01, 1e6), default=1.0, help="users a second (1)")
    add("--user-class", default="User", help="the users' class (User)")
    add("--expect-workers", type=number(int, 1, 10_000), default=1, help="begin with so many (1)")
    add("--run-time", type=number(float, 0, 86_400), default=10.0, help="seconds to run (10)")
    add("--max-wait", type=number(float, 0.1, 86_400), default=60.0, help="for workers, s (60)")
    add("--verbose", action="store_true", help="the lines of level DEBUG as well")
    return parser


if __name__ == "__main__":
    start(main)
