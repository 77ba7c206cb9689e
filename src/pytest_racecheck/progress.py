"""Shows on stderr that the jobs move: a live display in a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import IO, Any, Protocol, Self

from pytest_racecheck.catalogue.conduct import Event
from pytest_racecheck.catalogue.jobs import Job
from pytest_racecheck.catalogue.show import news_line


class Progress(Protocol):
    """A context manager that hears of every event."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def show(self, event: Event) -> None:
        """Bring the display up to date."""


def progress_for(jobs: Sequence[Job], stream: IO[str] | None = None) -> Progress:
    """The display that fits `stream` (stderr when None)."""
    stream = sys.stderr if stream is None else stream
    return _Live(jobs) if is_lively(stream) else _Plain(jobs, stream)


def is_lively(stream: IO[str]) -> bool:
    """Whether it is a terminal that nobody asked to be plain (NO_COLOR, TERM=dumb)."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return stream.isatty() and not plain


class _Plain:
    """One line per judged job."""

    def __init__(self, jobs: Sequence[Job], stream: IO[str]) -> None:
        self._total = len(jobs)
        self._judged = 0
        self._stream = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.flush()

    def show(self, event: Event) -> None:
        """A line when a job is judged."""
        if event.record is None:
            return
        self._judged += 1
        line = news_line(event.record)
        self._stream.write(f"[{self._judged}/{self._total}] {line}\n")
        self._stream.flush()


class _Live:
    """A bar over all jobs and a line for each that is under way; gone when all is done."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        from rich.console import Console  # late: nobody but a terminal needs it
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars
        from rich.table import Column

        self._jobs = jobs
        self._bars = Bars(
            TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column(no_wrap=True, overflow="ellipsis", max_width=50),
            ),
            BarColumn(bar_width=10),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._lines: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        self._all = self._bars.add_task("promises", total=len(self._jobs))
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def show(self, event: Event) -> None:
        """Start, move or end the job's line."""
        if event.record is not None:
            self._bars.advance(self._all)
            self._bars.remove_task(self._lines.pop(event.at))
            return
        if event.at not in self._lines:
            self._lines[event.at] = self._bars.add_task(self._jobs[event.at].title, total=None)
        if event.of:
            self._bars.update(self._lines[event.at], completed=event.done, total=event.of)
