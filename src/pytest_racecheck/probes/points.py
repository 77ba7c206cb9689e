"""Named points in product code: a call that does nothing until a listener is set."""

from __future__ import annotations

from collections.abc import Callable

_listener: Callable[[str], None] | None = None


def probe(name: str) -> None:
    """Mark a point, named ``name``, where another task may go first."""
    if _listener is not None:
        _listener(name)


def listen(listener: Callable[[str], None] | None) -> Callable[[str], None] | None:
    """Call ``listener`` with the name of every probe passed; returns the listener before it."""
    global _listener
    before, _listener = _listener, listener
    return before
