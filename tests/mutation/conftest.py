"""Prints, after the tests, which fault was caught by which test and how long that took."""

from __future__ import annotations

import pytest

ROWS = pytest.StashKey[list[tuple[str, str, float]]]()


@pytest.fixture
def rows(pytestconfig: pytest.Config) -> list[tuple[str, str, float]]:
    """Where a test enters: the fault, what caught it, seconds of processor time."""
    return pytestconfig.stash.setdefault(ROWS, [])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    found = config.stash.get(ROWS, [])
    if not found:
        return
    terminalreporter.section("seeded faults")
    width = max(len(fault) for fault, _, _ in found)
    for fault, caught_by, cpu_s in sorted(found):
        terminalreporter.write_line(f"{fault:{width}}  {cpu_s:6.1f} s  {caught_by}")
