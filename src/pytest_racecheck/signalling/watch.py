"""Waits for threads as long as messages move; when nothing moves any more, says who hangs where."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path

LOOK_EVERY_S = 0.02
_HERE = str(Path(__file__).parent)


class Hang(Exception):
    """Nothing was sent or received for ``quiet_s`` seconds although threads still wait."""

    def __init__(self, quiet_s: float) -> None:
        super().__init__(f"nothing was sent or received for {quiet_s:g} seconds")


def join_all(
    threads: Iterable[threading.Thread], progress: Callable[[], int], deadline_s: float
) -> None:
    """Join threads; raises ``Hang`` when ``progress`` stood still for ``deadline_s`` seconds."""
    waiting = list(threads)
    seen, since_s = progress(), time.monotonic()
    while waiting:
        waiting[0].join(LOOK_EVERY_S)
        waiting = [thread for thread in waiting if thread.is_alive()]
        now = progress()
        if now != seen:
            seen, since_s = now, time.monotonic()
        elif waiting and time.monotonic() - since_s > deadline_s:
            raise Hang(deadline_s)


def where(threads: Iterable[threading.Thread]) -> str:
    """Say at which line each living thread stands, with its calls; equal stacks only once."""
    frames = sys._current_frames()
    stuck: dict[str, list[str]] = {}
    for thread in threads:
        if thread.ident in frames:
            stack = _stack(traceback.extract_stack(frames[thread.ident]))
            stuck.setdefault(stack, []).append(thread.name)
    return "\n".join(f"{_names(names)} stuck in\n{stack}" for stack, names in stuck.items())


def _names(names: list[str]) -> str:
    shown = ", ".join(names[:5])
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{shown}{more} {'is' if len(names) == 1 else 'are'}"


def _stack(stack: traceback.StackSummary) -> str:
    ours = [frame for frame in stack if frame.filename.startswith(_HERE)] or list(stack)
    return "\n".join(f"    {_call(frame)}" for frame in ours if frame.name != "guarded")


def _call(frame: traceback.FrameSummary) -> str:
    source = (frame.line or "?").strip()
    return f"{Path(frame.filename).name}:{frame.lineno}  {frame.name}: {source}"
