"""What the Linux kernel offers against processes that stay behind; does nothing elsewhere."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys

_SET_PARENT_DEATH_SIGNAL = 1
_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when `parent` dies; leave at once if it already has."""
    if _LIBC is not None:
        _LIBC.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(70)


def become_subreaper() -> None:
    """Adopt orphaned descendants, so that one that left its process group can still be found."""
    if _LIBC is not None:
        _LIBC.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def kill_group(pid: int, number: int) -> None:
    """Send signal `number` to the group that the child `pid`, not yet reaped, leads."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:  # just forked, no group of its own yet
        os.kill(pid, number)


def kill_strays() -> int:
    """Kill and reap every child of this process, adopted ones included; the number killed.

    Only for a process that knows it has no child it wants to keep.
    """
    killed = 0
    while _has_children():
        strays = _children()
        if not strays:
            break
        for pid in strays:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
        killed += len(strays)
    return killed


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _children() -> list[int]:
    """Process ids whose parent is this process (empty where there is no /proc)."""
    here = os.getpid()
    try:
        numbers = [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []
    return [int(number) for number in numbers if _parent_of(number) == here]


def _parent_of(number: str) -> int | None:
    try:
        with open(f"/proc/{number}/stat", encoding="utf-8", errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[1]) if len(fields) > 1 else None
