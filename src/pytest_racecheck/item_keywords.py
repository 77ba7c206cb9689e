"""The keywords of a marker: every mistake is one sentence, with the name that was meant."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import pytest

from pytest_racecheck.errors import UsageError


def keywords_of(marker: pytest.Mark, known: Sequence[str]) -> dict[str, Any]:
    """What the marker is given.  Raises UsageError for what is no keyword, or is not ``known``."""
    if marker.args:
        raise UsageError(
            f"the {marker.name} marker takes keywords only, got {marker.args[0]!r:.60}"
        )
    for name in marker.kwargs:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise UsageError(
                f"the {marker.name} marker has no keyword {name!r}{hint} "
                f"(it has {', '.join(known)})"
            )
    return dict(marker.kwargs)
