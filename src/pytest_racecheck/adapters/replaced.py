"""Attributes that were replaced for a while, to be put back in the opposite order."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

Make = Callable[[Callable[..., Any]], Callable[..., Any]]


class Stand:
    """Attributes that were replaced, to be put back in the opposite order."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []

    def replace(self, owner: Any, name: str, make: Make) -> None:
        """Put ``make(what is there)`` in the place of an attribute, if there is one."""
        if not hasattr(owner, name):
            return
        original = getattr(owner, name)
        if name in vars(owner):
            self._undo.append(partial(setattr, owner, name, vars(owner)[name]))
        else:
            self._undo.append(partial(delattr, owner, name))
        setattr(owner, name, make(original))

    def replace_everywhere(self, original: Any, name: str, make: Make) -> None:
        """Replace a function in every module that has it under its own name."""
        replacement = make(original)
        loaded: list[object] = list(sys.modules.values())
        for module in loaded:
            if isinstance(module, ModuleType) and vars(module).get(name) is original:
                self._undo.append(partial(setattr, module, name, original))
                setattr(module, name, replacement)

    def restore(self) -> None:
        """Put everything back."""
        while self._undo:
            self._undo.pop()()
