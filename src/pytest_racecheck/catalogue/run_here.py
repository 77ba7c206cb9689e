"""Runs the workload of a scenario once, in this process, against a system of the user's."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pytest_racecheck.catalogue import requirements
from pytest_racecheck.catalogue.body import load, module_name
from pytest_racecheck.catalogue.find import scenarios_folder, select
from pytest_racecheck.catalogue.own import maker
from pytest_racecheck.catalogue.scenario import Scenario, Size
from pytest_racecheck.errors import MissingDependency, UsageError


def run_scenario(
    name: str,
    system: Any,
    *,
    transport: str | None = None,
    threads: int | None = None,
    messages: int | None = None,
    scenarios: str | None = None,
) -> object:
    """Run the workload of the scenario ``name`` once against ``system``; raises what it objects to.

    ``system`` is a class, which is called without arguments, or an object or module that has what
    the workload asks for.  Sizes and transport are the scenario's own under control, unless others
    are given; ``scenarios`` is a folder with scenarios of your own.  Call it in a test with the
    marker, or in a body of ``explore`` or ``stress``.  Raises UsageError for a scenario that there
    is not, a system that lacks something or a transport that the scenario does not offer, and
    MissingDependency.
    """
    scenario = select(scenarios_folder(scenarios), [name.partition("/")[0]])[0][0]
    missing = requirements.missing(scenario.requires)
    if missing is not None:
        raise MissingDependency(missing)
    workload = _workload(scenario.folder)
    make = maker(system, _named(system), scenario.folder / "workload.py")
    size = _size_of(scenario)
    given: dict[str, Any] = {
        "threads": size.threads if threads is None else threads,
        "messages": size.messages if messages is None else messages,
    }
    if scenario.transports:
        given["transport"] = transport or next(iter(size.transports or scenario.transports))
    if transport is not None and transport not in scenario.transports:
        raise UsageError(
            f"transport={transport!r:.40}: {scenario.name} offers "
            f"{', '.join(scenario.transports) or 'none'}"
        )
    return workload.run(make(), **given)


def _size_of(scenario: Scenario) -> Size:
    """Of the first variant under control; of free threads where there is none."""
    promises = [v.controlled for v in scenario.variants if v.controlled is not None]
    free = [v.free for v in scenario.variants if v.free is not None]
    return (promises or free)[0].size


def _workload(folder: Path) -> Any:
    """Loaded once: what an execution loads anew would not be under control."""
    loaded = sys.modules.get(module_name(folder, "workload"))
    here = str(folder / "workload.py")
    return loaded if getattr(loaded, "__file__", None) == here else load(folder, "workload")


def _named(system: Any) -> str:
    return str(getattr(system, "__qualname__", None) or type(system).__qualname__)
