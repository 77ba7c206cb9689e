"""Ends that pytest does not see coming: SIGTERM, and native code that keeps the process."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from pytest_racecheck.engine import watchdog

TERMINATED = 128 + signal.SIGTERM


@contextmanager
def report_of_the_end(item: pytest.Item) -> Iterator[None]:
    """While ``item`` is explored, SIGTERM still gives a report, and the last words reach the user.

    A handler of SIGTERM that is there already stays.
    """
    said_by = watchdog.say_last_words

    def stop(_number: int, _frame: FrameType | None) -> None:
        item.config.pluginmanager.register(_Terminated())
        pytest.exit("SIGTERM came while a test was explored")

    in_main_thread = threading.current_thread() is threading.main_thread()
    ours = in_main_thread and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    watchdog.say_last_words = lambda text: _say_past_capture(item, text)
    if ours:
        signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        watchdog.say_last_words = said_by
        if ours and signal.getsignal(signal.SIGTERM) is stop:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


class _Terminated:
    """A plugin: pytest reports as after Ctrl-C, and then leaves with the status of a SIGTERM."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None]:
        yield
        session.exitstatus = TERMINATED


def _say_past_capture(item: pytest.Item, text: str) -> None:
    capture = item.config.pluginmanager.getplugin("capturemanager")
    if capture is not None and capture.is_globally_capturing():
        capture.suspend_global_capture(in_=True)
    said = (
        f"\nracecheck: {item.nodeid}: {text.rstrip()}\n"
        "racecheck: the process ends here; explore this test with isolate=True, which survives it\n"
    )
    os.write(2, said.encode(errors="replace"))
