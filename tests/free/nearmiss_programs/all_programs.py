"""Every program with a bug that delays may find, and its fix."""

from __future__ import annotations

from tests.free.nearmiss_programs import afterwards, close, containers, objects, ready
from tests.free.nearmiss_programs.twins import Program

ALL: tuple[Program, ...] = (
    *containers.PROGRAMS,
    *objects.PROGRAMS,
    *ready.PROGRAMS,
    *close.PROGRAMS,
)
#: A sample that says what to expect of others.
AFTERWARDS: tuple[Program, ...] = tuple(afterwards.PROGRAMS)
