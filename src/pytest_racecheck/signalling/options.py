"""The command line that all signalling programs share: single-dash options, one-sentence errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pytest_racecheck.arguments import Parser, number
from pytest_racecheck.errors import UsageError


@dataclass(frozen=True)
class Options:
    """What the user asked for; seconds are real seconds, ``linger_ms`` -1 means for ever."""

    threads: int
    msgs: int
    poll: bool
    sleep_s: float
    linger_ms: int
    mutex: bool
    rate: float
    transport: Literal["inproc", "tcp"]
    deadline_s: float
    debug: bool
    quiet: bool


class _Parser(Parser):
    help_option = "-help"


def _parser(program: str, title: str) -> _Parser:
    about = f"Many threads signal one main loop over {title} sockets; counts what arrives."
    parser = _Parser(prog=program, description=about, add_help=False)
    add = parser.add_argument
    add("-help", "-h", "--help", action="help", help="show this and exit")
    count = number(int, 1, 1_000_000_000)
    add("-threads", type=number(int, 1, 10_000), default=10, metavar="N", help="senders (10)")
    add("-msgs", type=count, default=1000, metavar="N", help="pings of each sender (1000)")
    add("-poll", action="store_true", help="poll 1 ms after connect (PUB, PUSH: and after send)")
    seconds = number(float, 0, 86_400)
    add("-sleep", type=seconds, default=1, metavar="S", help="seconds to wait before exit (1)")
    linger = number(int, -1, 2**31 - 1)
    add("-linger", type=linger, default=30_000, metavar="MS", help="of the senders (30000)")
    add("-mutex", action="store_true", help="one sender at a time in connect, send, disconnect")
    rate = number(float, 0, 1e9)
    add("-rate", type=rate, default=0, metavar="N", help="pings a second and thread (0: no limit)")
    add("-transport", choices=("inproc", "tcp"), default="inproc", help="of the control socket")
    deadline = number(float, 0.1, 86_400)
    stall = "seconds without any message sent or received that count as a hang (5)"
    add("-deadline", type=deadline, default=5, metavar="S", help=stall)
    add("-debug", action="store_true", help="say every message")
    add("-quiet", action="store_true", help="say only what went wrong")
    return parser


def parse(program: str, title: str, argv: Sequence[str]) -> Options:
    """Read the command line; raises ``UsageError`` with one sentence when it makes no sense."""
    given = _parser(program, title).parse_args(argv)
    if given.debug and given.quiet:
        raise UsageError(f"{program}: -debug and -quiet contradict each other; give one of them")
    slowest_s = 2 / given.rate if given.rate else 0
    return Options(
        threads=given.threads,
        msgs=given.msgs,
        poll=given.poll,
        sleep_s=given.sleep,
        linger_ms=given.linger,
        mutex=given.mutex,
        rate=given.rate,
        transport=given.transport,
        deadline_s=max(given.deadline, slowest_s),
        debug=given.debug,
        quiet=given.quiet,
    )
