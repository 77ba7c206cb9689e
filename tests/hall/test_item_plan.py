"""How marker, command line and ini file make the plan of a test, as a user sees it."""

from __future__ import annotations

import pytest

BOUNDED = """
    import threading
    import pytest

    @pytest.mark.racecheck(strategy="bounded", preemptions=1)
    def test_bounded():
        threading.Thread(target=print).start()
"""


@pytest.mark.parametrize(
    ("strategy", "verdict"), [("exhaustive", "ruled out"), ("random", "inconclusive")]
)
def test_a_strategy_of_the_command_line_leaves_the_bounds_of_the_markers_behind(
    pytester: pytest.Pytester, strategy: str, verdict: str
) -> None:
    pytester.makepyfile(test_it=BOUNDED)
    result = pytester.runpytest_subprocess(
        f"--racecheck-strategy={strategy}", "--racecheck-executions=50"
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"{verdict}: test_it.py::test_bounded"])


def test_the_marker_that_asks_for_both_is_told_of_its_mistake(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=BOUNDED.replace("bounded", "random", 1))
    result = pytester.runpytest_subprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*test_it.py*'random' ignores preemptions*'bounded'*"])
