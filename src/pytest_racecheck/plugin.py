"""The pytest plugin: options, marker, fixture and report; it translates and decides nothing.

Everything of ours is imported when a test is explored, so an unused plugin costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_racecheck.spawning import Spawner

_PLAN = "racecheck_plan"
_PROPERTY = "racecheck"

#: option -> (type, what it means); each has a twin ``racecheck_<option>`` in the ini file.
_OPTIONS: dict[str, tuple[type, str]] = {
    "seed": (int, "seed of every random choice of a schedule (default 0)"),
    "executions": (int, "at most this many executions of each test (default 1000)"),
    "seconds": (float, "at most this many seconds for each test (default 10)"),
    "strategy": (str, "portfolio, random, pct, exhaustive, bounded, scripted (default portfolio)"),
    "points": (str, "where tasks may be switched: access (default) or sync"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option group ``racecheck``."""
    group = parser.getgroup("racecheck", "exploring thread schedules")
    group.addoption(
        "--racecheck",
        action="store_true",
        default=False,
        help="explore every test that starts a thread, not only the marked ones",
    )
    for name, (kind, text) in _OPTIONS.items():
        group.addoption(
            f"--racecheck-{name}", default=None, metavar=kind.__name__.upper(), help=text
        )
        parser.addini(f"racecheck_{name}", text, default=None)
    group.addoption(
        "--racecheck-replay",
        default=None,
        metavar="SCHEDULE",
        help="run the one selected test along this schedule (rc1:..., as a report prints it)",
    )
    group.addoption(
        "--racecheck-isolate",
        action="store_true",
        default=False,
        help="explore each test in a child process, for bodies that may crash or exit",
    )
    parser.addini(
        "racecheck_strict",
        "a test whose search could not do what was asked (lost control, unfinished exhaustive "
        "search) is an error (default false)",
        type="bool",
        default=False,
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; nothing is installed, patched or written here."""
    config.addinivalue_line(
        "markers",
        "racecheck(executions=, seconds=, strategy=, points=, control=, seed=, preemptions=, "
        "depth=, script=, replay=, isolate=, patience_s=, max_steps=): run this test under many "
        "thread schedules",
    )


@pytest.fixture
def racecheck(request: pytest.FixtureRequest) -> Iterator[Spawner]:
    """Start tasks with ``racecheck.spawn(function, *args, name=)`` and wait with ``join()``.

    Using the fixture is enough to have the test explored; the marker sets strategy and bounds.
    """
    from pytest_racecheck.spawning import Spawner

    spawner = Spawner()
    yield spawner
    spawner.close()


def _is_used(config: pytest.Config) -> bool:
    names = [f"racecheck_{name}" for name in (*_OPTIONS, "replay")]
    return bool(config.getoption("racecheck")) or any(
        config.getoption(name, default=None) is not None for name in names
    )


def pytest_report_header(config: pytest.Config) -> str | None:
    """One line, only when an option of ours was given."""
    if not _is_used(config):
        return None
    given = [
        f"{name} {config.getoption(f'racecheck_{name}')}"
        for name in (*_OPTIONS, "replay")
        if config.getoption(f"racecheck_{name}") is not None
    ]
    which = "every test that starts a thread" if config.getoption("racecheck") else "marked tests"
    return f"racecheck: {', '.join([which, *given])}"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Make the plan of each test that is to be explored; misuse is an error before any test runs."""
    everything = config.getoption("racecheck")
    explored = [item for item in items if _asked_for(item, everything)]
    if not explored:
        _refuse_needless_replay(config)
        return
    from pytest_racecheck.item_plan import check_replay, plan_of

    check_replay(config.getoption("racecheck_replay"), explored)
    for item in explored:
        setattr(item, _PLAN, plan_of(item, _OPTIONS))


def _asked_for(item: pytest.Item, everything: bool) -> bool:
    if item.get_closest_marker("racecheck") is not None:
        return True
    return isinstance(item, pytest.Function) and (everything or "racecheck" in item.fixturenames)


def _refuse_needless_replay(config: pytest.Config) -> None:
    if config.getoption("racecheck_replay") is not None:
        raise pytest.UsageError(
            "--racecheck-replay: no selected test is explored; name the test, and mark it racecheck"
        )


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Explore the test instead of calling it once."""
    plan = getattr(pyfuncitem, _PLAN, None)
    if plan is None:
        return None
    from pytest_racecheck.item_run import explore_item, hides

    __tracebackhide__ = hides
    explore_item(pyfuncitem, plan, _PROPERTY)
    return True


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say how many tests were explored and what each verdict is worth."""
    found = [
        (report, dict(report.user_properties)[_PROPERTY])
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "call"
        and _PROPERTY in dict(getattr(report, "user_properties", ()))
    ]
    if found:
        from pytest_racecheck.item_summary import write_summary

        write_summary(terminalreporter, found)
