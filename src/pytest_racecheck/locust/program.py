"""What the programs share: one-sentence errors, a defined exit status, Locust's form of a line."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import NoReturn

from pytest_racecheck.errors import MissingDependency, RacecheckError, UsageError

FAILED, INTERRUPTED = 1, 130


class Parser(argparse.ArgumentParser):
    """argparse, but a mistake is our error with one sentence instead of a usage dump."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}; see {self.prog} --help")


def number(
    read: type[int] | type[float], least: float, most: float
) -> Callable[[str], int | float]:
    """A converter for argparse: a number from `least` to `most`."""
    word = "number" if read is float else "whole number"

    def convert(text: str) -> int | float:
        try:
            value = read(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected a {word}, got {text!r}") from None
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"expected {least:g} to {most:g}, got {text}")
        return value

    return convert


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
