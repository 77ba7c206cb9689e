"""One look through all objects of the process: which are of some kinds, or hold some functions.

Such a look takes some milliseconds, so everything that control has to find is found by one.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import Any


class Holders:
    """What refers to ``kinds``, their subclasses, or ``functions`` at this moment."""

    def __init__(self, kinds: Sequence[type], functions: Sequence[Callable[..., Any]]) -> None:
        wanted: list[type] = list(kinds)
        for kind in wanted:
            wanted.extend(type.__subclasses__(kind))
        asked = (*wanted, *functions)
        # From 3.13 on the call finds its own arguments, which might be the defaults of a function.
        self.all: list[Any] = [one for one in gc.get_referrers(*asked) if one is not asked]

    def instances(self, kind: type) -> list[Any]:
        """The objects of ``kind`` and its subclasses; what only claims to be one does not count."""
        return [found for found in self.all if issubclass(type(found), kind)]
