"""Runs one job in child processes and has it judged; free runs are measured once and reused."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Self

from pytest_racecheck.catalogue import requirements
from pytest_racecheck.catalogue.body import SCHEDULE, module_name
from pytest_racecheck.catalogue.jobs import Job
from pytest_racecheck.catalogue.judge import (
    Sample,
    judge_exploration,
    judge_sample,
    no_search,
    refused,
)
from pytest_racecheck.catalogue.own import is_own, package_of
from pytest_racecheck.catalogue.record import NOT_RUN, Record
from pytest_racecheck.catalogue.scenario import Controlled, Free, Variant
from pytest_racecheck.errors import MissingDependency
from pytest_racecheck.free import ForkServer, Interrupted, Outcome, Refused, Request
from pytest_racecheck.postgres.servers import Server, start

PRELOAD = ("pytest_racecheck.diagnosis", "pytest_racecheck.catalogue.body")
NEED_POSTGRES = {"postgres", "pgmq"}
_BODY = "pytest_racecheck.catalogue.body"
Progress = Callable[[int, int], None]


class Measurements:
    """Outcomes of free runs by what was run, so that a control is not measured twice."""

    def __init__(self) -> None:
        self._outcomes: dict[tuple[object, ...], list[Outcome]] = defaultdict(list)
        self._locks: dict[tuple[object, ...], threading.Lock] = defaultdict(threading.Lock)
        self._lock = threading.Lock()

    def sample(
        self, key: tuple[object, ...], runs: int, measure: Callable[[int], Outcome]
    ) -> Sample:
        """The first `runs` outcomes under `key`; `measure(at)` makes those not yet there."""
        with self._lock:
            lock, outcomes = self._locks[key], self._outcomes[key]
        with lock:
            while len(outcomes) < runs:
                outcomes.append(measure(len(outcomes)))
            return Sample(tuple(outcomes[:runs]))


class Harness:
    """One worker's fork servers: the usual one, and one whose zmq has the draft API.

    `worker` tells it from others that work at the same time; reports are `width` columns wide.
    `judge` runs one job at a time; `interrupt` may be called from another thread.
    """

    def __init__(self, measurements: Measurements, width: int = 80, worker: int = 0) -> None:
        self._measurements = measurements
        self._worker = worker
        self._width = width
        self._servers: dict[tuple[str, ...], ForkServer] = {}
        self._postgres: Server | None = None
        self._interrupted = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the servers and every child."""
        while self._servers:
            self._servers.popitem()[1].close()
        if self._postgres is not None:
            self._postgres.close()
            self._postgres = None

    def interrupt(self) -> None:
        """Give up the job under way: `judge` raises Interrupted."""
        self._interrupted = True
        for server in list(self._servers.values()):
            server.interrupt()

    def judge(self, job: Job, progress: Progress) -> Record:
        """Run `job`; `progress(done, of)` hears of its runs. Raises Interrupted."""
        missing = requirements.missing(job.variant.requires)
        if missing is not None:
            return refused(job, missing, NOT_RUN)
        try:
            if isinstance(job.promise, Free):
                return self._sample(job, job.promise, progress)
            return judge_exploration(job, self._explore(job, job.promise))
        except Refused as problem:
            return refused(job, str(problem), problem.exit_status)
        except Interrupted as problem:
            if self._interrupted:
                raise
            self.close()  # the next job gets servers of its own
            return no_search(job, str(problem))

    def replay(self, job: Job, schedule: str, how: dict[str, Any] | None = None) -> Outcome:
        """Follow one recorded schedule of a controlled job. Raises Refused, Interrupted and
        MissingDependency.

        `how` are further arguments of `replay`, such as its mode.
        """
        _refuse_what_is_missing(job)
        assert isinstance(job.promise, Controlled), job.title
        arguments = {
            "workload": _workload(job, job.variant),
            "schedule": schedule,
            "search": {**replay_options(job, job.promise), **(how or {})},
            "show": self._show(job),
        }
        return self._run(job, "replay_variant", arguments, _search_deadline_s(job.promise))

    def explain(self, job: Job) -> Outcome:
        """Search a controlled job as ever, with the curve; raises what `replay` raises."""
        _refuse_what_is_missing(job)
        assert isinstance(job.promise, Controlled), job.title
        return self._explore(job, job.promise, {"curve": True})

    def _explore(self, job: Job, promise: Controlled, how: dict[str, Any] | None = None) -> Outcome:
        search, twin = {**search_options(job, promise), **(how or {})}, _twin(job)
        if twin is not None:
            search["control"].append(module_name(job.scenario.folder, twin.stem))
        arguments = {
            "workload": _workload(job, job.variant),
            "search": search,
            "show": self._show(job),
            "worker": self._worker,
            "twin": None if twin is None else twin.stem,
        }
        return self._run(job, "explore_variant", arguments, _search_deadline_s(promise))

    def _sample(self, job: Job, promise: Free, progress: Progress) -> Record:
        sample = self._measure(job, job.variant, promise.runs, progress)
        control = None
        if promise.control is not None and not sample.failed():
            variant = job.scenario.variant(promise.control)
            control = self._measure(job, variant, promise.control_runs, progress)
        return judge_sample(job, sample, control)

    def _measure(self, job: Job, variant: Variant, runs: int, progress: Progress) -> Sample:
        assert isinstance(job.promise, Free), job.title
        deadline_s = job.promise.deadline_s
        arguments = _workload(job, variant)

        def measure(at: int) -> Outcome:
            outcome = self._run(job, "run_once", arguments, deadline_s, seed=job.seed + at)
            progress(at + 1, runs)
            return outcome

        key = (*arguments.values(), deadline_s, job.seed)
        return self._measurements.sample(key, runs, measure)

    def _run(
        self, job: Job, call: str, arguments: dict[str, Any], deadline_s: float, seed: int = 0
    ) -> Outcome:
        own = (str(job.scenario.folder),)
        request = Request(f"{_BODY}:{call}", arguments, deadline_s, seed, own)
        return self._server(job).run(request)

    def _show(self, job: Job) -> dict[str, Any]:
        return {"width": self._width - 2, "command": list(job.replay_command(SCHEDULE))}

    def _server(self, job: Job) -> ForkServer:
        """A server whose zmq, if the job needs one, is imported and is the one it needs."""
        needs = job.variant.requires
        site = requirements.draft_site() if "zmq-draft" in needs else None
        path = (str(site),) if site is not None else ()
        preload = ("zmq", *PRELOAD) if {"zeromq", "zmq-draft"} & set(needs) else PRELOAD
        preload = ("psycopg", *preload) if NEED_POSTGRES & set(needs) else preload
        key = (*path, *preload)
        if key not in self._servers:
            environment = {requirements.DRAFT_SITE_VARIABLE: path[0]} if path else {}
            environment |= self._rows() if NEED_POSTGRES & set(needs) else {}
            self._servers[key] = ForkServer(preload=preload, path=path, environment=environment)
        if self._interrupted:
            raise Interrupted("the run was interrupted")
        return self._servers[key]

    def _rows(self) -> dict[str, str]:
        """One PostgreSQL server for all children of this worker."""
        if self._postgres is None:
            self._postgres = start()
        return self._postgres.environment()


def _refuse_what_is_missing(job: Job) -> None:
    """Where one job alone was asked for, the command that would enable it is the whole answer."""
    missing = requirements.missing(job.variant.requires)
    if missing is not None:
        raise MissingDependency(f"{job.title}: {missing}")


def search_options(job: Job, promise: Controlled) -> dict[str, Any]:
    """The keyword arguments of `explore` that the promise's bounds stand for."""
    bounds = promise.bounds
    return {
        "strategy": bounds.strategy,
        "executions": bounds.executions,
        "seconds": bounds.seconds,
        "points": bounds.points,
        "preemptions": bounds.preemptions,
        "seed": job.seed,
        "isolate": job.variant.isolate,
        # named, because an installed scenario lies in site-packages
        "control": [module_name(job.scenario.folder, "workload"), _under_test(job)],
    }


def _under_test(job: Job) -> str:
    """The module or package of what is run under the workload."""
    stem = job.variant.stem
    return package_of(stem) if is_own(stem) else module_name(job.scenario.folder, stem)


def replay_options(job: Job, promise: Controlled) -> dict[str, Any]:
    """The same without what belongs to the search alone."""
    foreign = ("strategy", "preemptions", "executions")
    options = search_options(job, promise)
    return {name: value for name, value in options.items() if name not in foreign}


def _twin(job: Job) -> Variant | None:
    """The variant that a statistical pass of this one is measured by: the first that is to fail."""
    if job.variant.role == "buggy" or job.variant.isolate:
        return None
    for variant in job.scenario.variants:
        promised = variant.controlled
        if variant.role == "buggy" and promised is not None and not variant.isolate:
            return variant if promised.expects == "reproduced" else None
    return None


def _search_deadline_s(promise: Controlled) -> float:
    """Time for the search, for confirming what it found or for the twin, and a slow machine."""
    return 3 * promise.bounds.seconds + 60


def _workload(job: Job, variant: Variant) -> dict[str, Any]:
    """The arguments of `make_body`."""
    return {
        "folder": str(job.scenario.folder),
        "stem": variant.stem,
        "transport": job.transport,
        "threads": job.promise.size.threads,
        "messages": job.promise.size.messages,
    }
