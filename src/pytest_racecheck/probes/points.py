"""Named points in product code: a call that does nothing until a listener is set."""

from __future__ import annotations

from collections.abc import Callable

_listener: Callable[[str], None] | None = None
_intercepted: dict[str, list[Callable[[], None]]] = {}


def probe(name: str) -> None:
    """Mark a point, named ``name``, where another task may go first."""
    if _listener is not None:
        _listener(name)
    if _intercepted:
        for act in tuple(_intercepted.get(name, ())):
            act()


def intercept(name: str, act: Callable[[], None]) -> Callable[[], None]:
    """Call ``act()`` whenever the probe ``name`` is passed; returns what ends that."""
    _intercepted.setdefault(name, []).append(act)

    def end() -> None:
        _intercepted[name].remove(act)
        if not _intercepted[name]:
            del _intercepted[name]

    return end


def listen(listener: Callable[[str], None] | None) -> Callable[[str], None] | None:
    """Call ``listener`` with the name of every probe passed; returns the listener before it."""
    global _listener
    before, _listener = _listener, listener
    return before
