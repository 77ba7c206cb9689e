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


def test_a_script_that_names_nobody_fails_the_test_and_says_so(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_it="""
            import pytest

            @pytest.mark.racecheck(script=["nobody"])
            def test_scripted(racecheck):
                racecheck.spawn(len, "", name="one")
                racecheck.spawn(len, "", name="two")
                racecheck.join()
        """
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "racecheck: the script does not fit this program: step 1 of the script is 'nobody', "
            "but only one, two can move"
        ]
    )
