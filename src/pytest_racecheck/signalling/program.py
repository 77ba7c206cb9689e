"""What each program file calls: command line in, exit status out, whatever happens between."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from pytest_racecheck.errors import RacecheckError
from pytest_racecheck.signalling.drafts import require_zmq
from pytest_racecheck.signalling.kinds import Kind
from pytest_racecheck.signalling.options import Options, parse

FAILED, INTERRUPTED = 1, 130


def main(name: str, kind: Kind, argv: Sequence[str]) -> int:
    """Run one program: 0 complete, 1 loss or hang, 2 misuse, 3 cannot run here, 130 Ctrl-C."""
    try:
        options = parse(name, kind.title, argv)
        require_zmq(name, drafts=kind.needs_drafts)
    except RacecheckError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    from pytest_racecheck.signalling.session import run

    announce(kind, options)
    return run(kind, options)


def announce(kind: Kind, options: Options) -> None:
    """Print what will be run, in the document's words."""
    import zmq

    print(f"Using libzmq version {zmq.zmq_version()}")
    print(f"Using {kind.title} sockets")
    print(f"Sleeping for {options.sleep_s:g} seconds at shutdown")
    if options.poll:
        print("Polling after connect")
    if options.mutex:
        print("One sender at a time (mutex)")
    sys.stdout.flush()


def start(name: str, kind: Kind) -> NoReturn:
    """Run the program and end the process, even if a thread stays blocked inside libzmq."""
    status = FAILED
    try:
        status = main(name, kind, sys.argv[1:])
        sys.stdout.flush()
        sys.stderr.flush()
    except KeyboardInterrupt:
        status = INTERRUPTED
    except SystemExit as asked:
        status = asked.code if isinstance(asked.code, int) else FAILED
        sys.stdout.flush()
    except BrokenPipeError:
        status = FAILED
    os._exit(status)
