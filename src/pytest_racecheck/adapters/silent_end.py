"""The exception that ends a stuck task is nobody's news: neither a log nor a hook hears of it.

An executor's worker logs whatever ends it, and Python reports what a finaliser raises; both may be
``Unwind`` at the end of an execution, where it says nothing about the program under test.
"""

from __future__ import annotations

import concurrent.futures
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pytest_racecheck.engine.task import Unwind

_LOGGER = logging.getLogger(concurrent.futures.Future.__module__.rpartition(".")[0])


def _is_news(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], Unwind))


@contextmanager
def silent_end() -> Iterator[None]:
    """Keep ``Unwind`` out of the executor's log and of ``sys.unraisablehook`` while entered."""
    before = sys.unraisablehook

    def hook(unraisable: Any) -> None:
        if not isinstance(unraisable.exc_value, Unwind):
            before(unraisable)

    _LOGGER.addFilter(_is_news)
    sys.unraisablehook = hook
    try:
        yield
    finally:
        if sys.unraisablehook is hook:  # else somebody else changed it on purpose
            sys.unraisablehook = before
        _LOGGER.removeFilter(_is_news)
