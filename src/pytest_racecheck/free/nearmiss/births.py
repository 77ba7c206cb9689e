"""When threads were started, and what escaped from them: kept while one run lasts."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Threads:
    """``born`` has the time of each start by thread ident; ``failures`` who raised what."""

    born: dict[int, float] = field(default_factory=dict)
    failures: list[tuple[str, BaseException]] = field(default_factory=list)


@contextmanager
def threads_noted(*, forward: bool) -> Iterator[Threads]:
    """Note starts and failures of threads meanwhile; ``forward``: failures are told as ever too."""
    noted = Threads()
    start, hook = threading.Thread.start, threading.excepthook

    def noting_start(self: threading.Thread) -> None:
        began_s = time.monotonic()
        start(self)
        if self.ident is not None:
            noted.born[self.ident] = began_s

    def noting_hook(args: Any) -> None:
        if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
            name = args.thread.name if args.thread is not None else "unknown thread"
            noted.failures.append((name, args.exc_value))
        if forward:
            hook(args)

    threading.Thread.start = noting_start  # type: ignore[method-assign]
    threading.excepthook = noting_hook
    try:
        yield noted
    finally:
        if threading.Thread.start is noting_start:
            threading.Thread.start = start  # type: ignore[method-assign]
        if threading.excepthook is noting_hook:
            threading.excepthook = hook
