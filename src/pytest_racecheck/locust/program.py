"""What the programs share: a defined exit status, what they need, Locust's form of a line."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import NoReturn

from pytest_racecheck.errors import MissingDependency, RacecheckError

FAILED, INTERRUPTED = 1, 130


def require_zeromq(program: str) -> None:
    """Raise MissingDependency unless pyzmq and msgpack are here."""
    for module, name in (("zmq", "pyzmq"), ("msgpack", "msgpack")):
        if importlib.util.find_spec(module) is None:
            raise MissingDependency(
                f"{program} needs {name}, which is not installed here: "
                'pip install "pytest-racecheck[zeromq]"'
            )


def log(level: str, line: str) -> None:
    """Print one line as Locust does: time, place, level, logger, text."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
    text = f"[{stamp},{int(now % 1 * 1000):03}] racecheck/{level}/locust.runners: {line}\n"
    sys.stderr.write(text)  # one write: another thread may write as well
    sys.stderr.flush()


def start(main: Callable[[Sequence[str]], int]) -> NoReturn:
    """Run `main` with the words of the command line, and end although a thread may be blocked."""
    status = FAILED
    try:
        status = main(sys.argv[1:])
    except RacecheckError as problem:
        print(problem, file=sys.stderr)
        status = problem.exit_status
    except KeyboardInterrupt:
        status = INTERRUPTED
    except SystemExit as asked:  # --help
        status = asked.code if isinstance(asked.code, int) else FAILED
    except BrokenPipeError:
        os._exit(FAILED)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
