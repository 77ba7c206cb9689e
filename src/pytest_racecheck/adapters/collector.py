"""Callbacks of the garbage collector that are not the body's do not run while it is controlled."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def callbacks_of_others_set_aside(under_test: Callable[[str], bool]) -> Iterator[None]:
    """Leave only those callbacks whose file is ``under_test``; put the others back at the end.

    A library that measures collections (Hypothesis does) reads the clock in its callback, and the
    task that happens to be moving would be taken for who reads it.
    """
    kept = [callback for callback in gc.callbacks if under_test(_file_of(callback))]
    aside = list(enumerate(gc.callbacks))
    gc.callbacks[:] = kept
    try:
        yield
    finally:
        for place, callback in aside:
            if callback not in kept:
                gc.callbacks.insert(place, callback)


def _file_of(callback: Any) -> str:
    code = getattr(getattr(callback, "__func__", callback), "__code__", None)
    return "<built in>" if code is None else str(code.co_filename)
