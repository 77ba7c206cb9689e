"""Gives tests the `pytester` fixture, keeps them apart from xdist, leaves slow ones to `--slow`."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--slow",
        action="store_true",
        help="also run the tests marked slow (builds, downloads, long searches)",
    )
    parser.addoption(
        "--carrier",
        choices=("auto", "threads", "greenlets"),
        help="what carries the tasks of every search in this process, whatever it asks for",
    )


@pytest.fixture(autouse=True)
def carried_as_asked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the whole suite be run on each carrier; tests of one carrier alone say so by a mark."""
    asked = request.config.getoption("--carrier")
    if asked is None or request.node.get_closest_marker("asks_for_carriers") is not None:
        return
    from pytest_racecheck.engine.carriers import Carriers

    if asked == "greenlets" and request.node.get_closest_marker("threads_only") is not None:
        pytest.skip("is about what only threads do")
    begin = Carriers.__init__
    monkeypatch.setattr(Carriers, "__init__", lambda self, *_: begin(self, asked))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--slow"):
        return
    slow = [item for item in items if item.get_closest_marker("slow") is not None]
    if slow:
        items[:] = [item for item in items if item.get_closest_marker("slow") is None]
        config.hook.pytest_deselected(items=slow)


@pytest.fixture(autouse=True)
def on_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test starts is no worker of the pytest-xdist that runs the test."""
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID"):
        monkeypatch.delenv(name, raising=False)
