"""What a child process does with a variant: load it by path, then run, explore or replay it."""

from __future__ import annotations

import importlib.util
import os
import shlex
import sys
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pytest_racecheck.catalogue.own import is_own, own_system, with_own_system
from pytest_racecheck.catalogue.schema import ScenarioError

if TYPE_CHECKING:
    from pytest_racecheck.diagnosis import Finding

SCHEDULE = "SCHEDULE"


def run_once(**workload: Any) -> None:
    """One run on free threads; what escapes is the failure. `workload` as for `make_body`."""
    make_body(**workload)()


def explore_variant(
    workload: dict[str, Any],
    search: dict[str, Any],
    show: dict[str, Any],
    worker: int,
    twin: str | None = None,
) -> dict[str, Any]:
    """Explore; `search` are keyword arguments of `explore`. Gives the finding and its report.

    `show` says how wide the report is and which command replays, SCHEDULE standing for the text.
    `twin` is the file of the positive control, where there is one: the same workload is handed it.
    A search uses one CPU: that of its `worker`, so that two searches do not meet on one.
    """
    # Late: the free runs do without the engine.
    from pytest_racecheck.diagnosis import explore
    from pytest_racecheck.diagnosis.judgement import DIVERGED

    _leave_threads_to_the_search()
    if hasattr(os, "sched_setaffinity"):
        cpus = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cpus[worker % len(cpus)]})
    body = make_body(**workload)
    if twin is not None:
        run = body.args[0] if body.func is with_own_system else body.func
        control: Any = partial(run, load(Path(workload["folder"]), twin), **body.keywords)
        control.__name__ = twin
        search = {**search, "positive_control": control}
    finding = explore(body, **search)
    if finding.failure is None and finding.reason.startswith(DIVERGED):
        # On a machine that is busy enough, libzmq's own threads answer too late once in some ten
        # thousand executions.  That search proves nothing; a new one, all of it, may.
        again = explore(body, **search)
        finding = replace(again, reason=f"{again.reason} (second search; the first: {DIVERGED})")
    return _told(finding, **show)


def replay_variant(
    workload: dict[str, Any], schedule: str, search: dict[str, Any], show: dict[str, Any]
) -> dict[str, Any]:
    """Follow one recorded schedule; the rest as for `explore_variant`."""
    from pytest_racecheck.diagnosis import replay

    _leave_threads_to_the_search()
    return _told(replay(make_body(**workload), schedule, **search), **show)


def _leave_threads_to_the_search() -> None:
    """What escapes from a task is judged by the search, not by the child.

    It must find Python's own hook: with another one the program would handle its failures itself.
    """
    threading.excepthook = threading.__excepthook__


def _told(finding: Finding, width: int, command: list[str]) -> dict[str, Any]:
    words = [finding.schedule or "" if word == SCHEDULE else word for word in command]
    report = finding.report(width, replay_command=shlex.join(words))
    return {"finding": finding.as_json(), "report": report}


def make_body(
    folder: str, stem: str, transport: str | None, threads: int, messages: int
) -> partial[object]:
    """The workload of the scenario in `folder`, handed the variant in `stem`.py.

    A `stem` such as "mypkg.rpc:Client" is a system of the user's instead.

    Raises ScenarioError when one of the two cannot be imported: that is a mistake in the
    scenario, and must not count as a failure of the system under test.
    """
    place = Path(folder)
    workload = load(place, "workload")
    size: dict[str, Any] = {"threads": threads, "messages": messages}
    if transport is not None:
        size["transport"] = transport
    run = getattr(workload, "run", None)
    if not callable(run):
        raise ScenarioError(f"{place / 'workload.py'}: it has no function run(system, ...)")
    if not is_own(stem):
        return partial(run, load(place, stem), **size)
    body: Any = partial(with_own_system, run, own_system(stem, place / "workload.py"), **size)
    body.files_under_test = (str(place / "workload.py"),)
    own: partial[object] = body
    return own


def module_name(folder: Path, stem: str) -> str:
    """The name under which a scenario's module stands in `sys.modules`."""
    return f"scenario_{folder.name}_{stem}"


def load(folder: Path, stem: str) -> ModuleType:
    """Import `stem`.py of `folder` under a name of its own. Raises ScenarioError."""
    file, name = folder / f"{stem}.py", module_name(folder, stem)
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None, f"{file} has a Python suffix"
    assert spec.loader is not None, f"{file} is a file"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as problem:
        raise ScenarioError(
            f"{file}: it cannot be imported: {type(problem).__name__}: {problem}"
        ) from problem
    return module
