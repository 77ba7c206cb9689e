"""Starts functions in threads of their own: what all the programs do first."""

from __future__ import annotations

import threading
from collections.abc import Callable


def start(*functions: Callable[[], object]) -> tuple[threading.Thread, ...]:
    """Start a thread for each, in this order; nobody waits for them."""
    threads = tuple([threading.Thread(target=function) for function in functions])
    for thread in threads:
        thread.start()
    return threads


def run(*functions: Callable[[], object]) -> None:
    """Start a thread for each, in this order, and join them all."""
    for thread in start(*functions):
        thread.join()
