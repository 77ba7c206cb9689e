"""The pytest plugin: options, marker, fixture and report; it translates and decides nothing.

Everything of ours is imported when a test is explored, so an unused plugin costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_racecheck.spawning import Spawner

_PLAN = "racecheck_plan"
_PROPERTY = "racecheck"
_MISTAKE = "racecheck_mistake"
_NEARMISS = "racecheck_nearmiss"
_NEARMISS_PLAN = "racecheck_nearmiss_plan"
_STRESS = "racecheck_stress_plan"
_STRESSED = "racecheck_stress"
_LONGEST_IN_HEADER = 40


def count_or_auto(text: str) -> int | str:
    """A number of processes, or the word that asks for one each CPU."""
    return text if text == "auto" else int(text)


#: option -> (type, what it means); each has a twin ``racecheck_<option>`` in the ini file.
_OPTIONS: dict[str, tuple[Callable[[str], Any], str]] = {
    "seed": (int, "seed of every random choice of a schedule (default 0)"),
    "executions": (int, "at most this many executions of each test (default 1000)"),
    "seconds": (float, "at most this many seconds for each test (default 10)"),
    "strategy": (str, "portfolio, random, pct, exhaustive, bounded, scripted (default portfolio)"),
    "points": (str, "where tasks may be switched: access (default) or sync"),
    "races": (str, "report: list reads and writes of data that nothing orders (default off)"),
    "workers": (
        count_or_auto,
        "so many processes share the search of each test (default 1); auto: one each CPU",
    ),
    "carrier": (str, "what carries the tasks: auto (default), threads or greenlets"),
}
#: option -> (what stands for its value, what it means)
_REPLAY = {
    "replay": (
        "SCHEDULE",
        "run the one selected test along this schedule (rc1:..., as a report prints it)",
    ),
    "replay-mode": (
        "MODE",
        "exact (default), tolerant (go on where the code has changed), prefix (the first "
        "--racecheck-replay-upto choices, then search) or around (tolerant, then its neighbours)",
    ),
    "replay-upto": ("N", "how many choices of the schedule the mode prefix follows"),
    "database": ("DIR", "where failing schedules are saved; off: nowhere (default .racecheck)"),
    "guards": (
        "MODE",
        "on (default): check the guards of each explored test first; off; or a FILE: check that "
        "guard, and search for nothing",
    ),
    "record": ("FILE", "write down the failing schedule of the one test (for racecheck guard)"),
}
#: ini value -> (default, what it means)
_FOLDERS = {
    "racecheck_database": (".racecheck", "where failing schedules are saved; off: nowhere"),
    "racecheck_guard_folder": ("tests/guards", "where the guards are, below the rootdir"),
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
    nearmiss = "watch every test that runs once, and hold threads where they nearly met"
    group.addoption("--racecheck-nearmiss", action="store_true", default=False, help=nearmiss)
    unsafe = "thread-unsafe classes, one a line: module:Class or module:Class(reads=get,peek)"
    parser.addini("racecheck_nearmiss_unsafe", unsafe, type="linelist", default=[])
    for name, (kind, text) in _OPTIONS.items():
        group.addoption(
            f"--racecheck-{name}", default=None, metavar=kind.__name__.upper(), help=text
        )
        parser.addini(f"racecheck_{name}", text, default=None)
    for option, (metavar, text) in _REPLAY.items():
        group.addoption(f"--racecheck-{option}", default=None, metavar=metavar, help=text)
    for name, (default, text) in _FOLDERS.items():
        parser.addini(name, text, default=default)
    isolate = "explore each test in a child process, for bodies that may crash or exit"
    group.addoption("--racecheck-isolate", action="store_true", default=False, help=isolate)
    curve = "tell how likely the failure is from each point of its schedule on (at most 2 s more)"
    group.addoption("--racecheck-curve", action="store_true", default=False, help=curve)
    postgres = "connection string of the PostgreSQL server to use (default: one of our own)"
    group.addoption("--racecheck-postgres", default=None, metavar="DSN", help=postgres)
    parser.addini("racecheck_postgres", postgres, default=None)
    parser.addini("racecheck_isolate", isolate, type="bool", default=False)
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
        "depth=, script=, replay=, workers=, isolate=, races=, positive_control=, replays=, "
        "patience_s=, max_steps=, carrier=): run this test under many thread schedules",
    )
    config.addinivalue_line(
        "markers",
        "racecheck_nearmiss(runs=, replays=, unsafe=, strict=, control=, ignore=, seed=, share=): "
        "run this test on free threads, held where they nearly met",
    )
    config.addinivalue_line(
        "markers",
        "racecheck(free=True): run it once, on free threads, with the fixture",
    )
    config.addinivalue_line(
        "markers",
        "racecheck_stress(threads=, repeats=, switch_interval=, deadline_s=, seconds=, seed=, "
        "positive_control=): call this test in several free threads at once, many times over",
    )


@pytest.fixture
def racecheck() -> Iterator[Spawner]:
    """Start tasks with ``racecheck.spawn(function, *args, name=)`` and wait with ``join()``.

    ``delay``, ``fault``, ``barrier``, ``order``, ``hold``, ``freeze`` and ``kill`` inject.  Using
    the fixture is enough to have the test explored; the marker sets strategy and bounds.
    """
    from pytest_racecheck.spawning import Spawner

    spawner = Spawner()
    yield spawner
    from pytest_racecheck.errors import NeverFired

    try:
        spawner.close()
    except NeverFired as mistake:
        pytest.fail(f"racecheck: {mistake}", pytrace=False)


@pytest.fixture(scope="session")
def racecheck_postgres_server(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The PostgreSQL server of this process: that of --racecheck-postgres, or one of our own."""
    from pytest_racecheck.item_postgres import server_of_session

    yield from server_of_session(request.config)


@pytest.fixture
def postgres(racecheck_postgres_server: Any) -> Iterator[Any]:
    """An empty database, fresh for each test and each of its executions.

    ``postgres.dsn``, ``postgres.connect()``, and ``postgres.execute(sql)`` to fill it.
    """
    from pytest_racecheck.postgres.databases import opened

    with opened(server=racecheck_postgres_server) as database:
        yield database


def pytest_report_header(config: pytest.Config) -> str | None:
    """One line, only when an option of ours was given."""
    given = [
        f"{name} {_short(config.getoption(f'racecheck_{name}'))}"
        for name in (*_OPTIONS, "replay")
        if config.getoption(f"racecheck_{name}") is not None
    ]
    if config.getoption("racecheck_isolate"):
        given.append("isolate")
    everything = config.getoption("racecheck")
    near = config.getoption("racecheck_nearmiss")
    if near:
        given.append("near misses of every test")
    if not given and not everything:
        return None
    which = "every test that starts a thread" if everything else "marked tests"
    return f"racecheck: {', '.join([which, *given])}"


def _short(value: str) -> str:
    """A schedule may be long, and may come from a stranger."""
    text = value if value.isprintable() else ascii(value)
    return text if len(text) <= _LONGEST_IN_HEADER else f"{text[:_LONGEST_IN_HEADER]}..."


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Plan each test that is to be explored; misuse is an error before any test runs."""
    _plan_near_misses(config, items)
    everything = config.getoption("racecheck")
    free: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        (free if _is_free(item) else others).append(item)
    if free:
        from pytest_racecheck.item_stress import plan_free

        plan_free(free, _STRESS, _MISTAKE)
    tests = [
        item
        for item in others
        if _asked_for(item) or (everything and not hasattr(item, _NEARMISS_PLAN))
    ]
    if not tests:
        _refuse_needless_replay(config)
        return
    from pytest_racecheck.item_plan import plan_tests

    plan_tests(config, tests, _OPTIONS, (_PLAN, _PROPERTY, _MISTAKE))


def _plan_near_misses(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("racecheck_nearmiss") and not hasattr(config, "workerinput"):
        from pytest_racecheck.item_nearmiss import suite_of

        suite_of(config)
    marked = [item for item in items if item.get_closest_marker(_NEARMISS) is not None]
    if not marked:
        return
    from pytest_racecheck.item_nearmiss import plan_marked

    for item in marked:
        try:
            setattr(item, _NEARMISS_PLAN, plan_marked(item))
        except pytest.UsageError as error:
            if not hasattr(item.config, "workerinput"):
                raise
            setattr(item, _MISTAKE, str(error))


def _is_free(item: pytest.Item) -> bool:
    """Whether the test itself wants free threads, whatever else is explored."""
    marker = item.get_closest_marker("racecheck")
    stressed = item.get_closest_marker("racecheck_stress") is not None
    return stressed or (marker is not None and "free" in marker.kwargs)


def _asked_for(item: pytest.Item) -> bool:
    if item.get_closest_marker("racecheck") is not None:
        return True
    return "racecheck" in getattr(item, "fixturenames", ())


def _refuse_needless_replay(config: pytest.Config) -> None:
    if config.getoption("racecheck_replay") is not None:
        raise pytest.UsageError(
            "--racecheck-replay: no selected test is explored; name the test, and mark it racecheck"
        )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave the fixtures of an explored test itself to its executions."""
    if hasattr(item, _MISTAKE):
        pytest.fail(getattr(item, _MISTAKE), pytrace=False)
    planned = any(hasattr(item, plan) for plan in (_PLAN, _NEARMISS_PLAN, _STRESS))
    if isinstance(item, pytest.Function) and planned:
        from pytest_racecheck.item_body import set_up_wider_fixtures_only

        set_up_wider_fixtures_only(item)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Explore the test, or stress it, instead of calling it once."""
    stress = getattr(pyfuncitem, _STRESS, None)
    if stress is not None:
        from pytest_racecheck.item_stress import stress_item

        stress_item(pyfuncitem, stress, _STRESSED)
        return True
    plan = getattr(pyfuncitem, _PLAN, None)
    near = getattr(pyfuncitem, _NEARMISS_PLAN, None)
    if near is not None:
        from pytest_racecheck.item_nearmiss import run_marked
        from pytest_racecheck.item_run import hides

        __tracebackhide__ = hides
        run_marked(pyfuncitem, near, _PROPERTY)
        return True
    if plan is None:
        return None
    from pytest_racecheck.item_run import explore_item, hides

    __tracebackhide__ = hides
    explore_item(pyfuncitem, plan, _PROPERTY)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Watch a test that runs once, with ``--racecheck-nearmiss``."""
    planned = hasattr(item, _PLAN) or hasattr(item, _NEARMISS_PLAN)
    if not item.config.getoption("racecheck_nearmiss"):
        return (yield)
    from pytest_racecheck.item_nearmiss import out_of_the_way, watch_call

    if planned:
        out_of_the_way(item.config)
        return (yield)
    return (yield from watch_call(item))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Nothing of ours stays in the code of the tests."""
    if config.getoption("racecheck_nearmiss", False):
        from pytest_racecheck.item_nearmiss import out_of_the_way

        out_of_the_way(config)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show our report behind pytest's own account of a failure."""
    report = yield
    text = getattr(item, "racecheck_report", None)
    if text is not None and call.when == "call" and call.excinfo is not None:
        from pytest_racecheck.item_run import add_report

        add_report(report, text)
    return report


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say how many tests were explored and what each verdict is worth."""
    found = _told(terminalreporter, _PROPERTY)
    stressed = _told(terminalreporter, _STRESSED)
    if found or stressed:
        from pytest_racecheck.item_summary import write_summary

        write_summary(terminalreporter, found, stressed)
    near = _told(terminalreporter, _NEARMISS)
    if near:
        from pytest_racecheck.item_nearmiss import notes_of, write_near_misses

        told = [(report.nodeid, text) for report, text in near]
        write_near_misses(terminalreporter, told, notes_of(config))


def _told(terminalreporter: Any, name: str) -> list[tuple[Any, str]]:
    """The reports that have a property of this name, with it."""
    return [
        (report, dict(report.user_properties)[name])
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "call"
        and name in dict(getattr(report, "user_properties", ()))
    ]
