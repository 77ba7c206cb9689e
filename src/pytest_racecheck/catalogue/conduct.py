"""Works through the jobs with some workers, and hands their records over as they come."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from pytest_racecheck.catalogue.harness import Harness, Measurements
from pytest_racecheck.catalogue.jobs import Job
from pytest_racecheck.catalogue.record import Record
from pytest_racecheck.free import Interrupted

JOIN_PATIENCE_S = 1.5


@dataclass(frozen=True, slots=True)
class Event:
    """Something about job `at`: it moved (`done` of `of` runs), or it is judged (`record`)."""

    at: int
    done: int = 0
    of: int = 0
    record: Record | None = None


class Conductor:
    """`workers` threads that share the jobs; each drives child processes of its own.

    A context manager: leaving it, however that comes about, ends every child.
    """

    def __init__(self, jobs: Sequence[Job], workers: int, width: int = 80) -> None:
        self._jobs = jobs
        self._events: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
        self._turn = itertools.count()
        self._stopped = False
        measurements = Measurements()
        count = min(workers, len(jobs))
        self._harnesses = [Harness(measurements, width, worker) for worker in range(count)]
        self._threads = [
            threading.Thread(target=self._work, args=(harness,), daemon=True)
            for harness in self._harnesses
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped = True
        for harness in self._harnesses:
            harness.interrupt()
        for thread in self._threads:
            thread.join(JOIN_PATIENCE_S)

    def events(self) -> Iterator[Event]:
        """Until every job is judged. What a worker raised is raised here."""
        working = len(self._threads)
        while working:
            event = self._events.get()
            if isinstance(event, BaseException):
                raise event
            if event is None:
                working -= 1
            else:
                yield event

    def _work(self, harness: Harness) -> None:
        try:
            with harness:
                while not self._stopped and (at := next(self._turn)) < len(self._jobs):
                    self._judge(harness, at)
        except Interrupted as problem:
            self._events.put(None if self._stopped else problem)
        except BaseException as problem:  # noqa: BLE001 - ours: the main thread raises it
            self._events.put(problem)
        else:
            self._events.put(None)

    def _judge(self, harness: Harness, at: int) -> None:
        self._events.put(Event(at))
        record = harness.judge(
            self._jobs[at], lambda done, of: self._events.put(Event(at, done, of))
        )
        self._events.put(Event(at, record=record))
