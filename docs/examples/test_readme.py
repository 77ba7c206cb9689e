"""The README's test, run as a reader would: its report is the one that the README shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"


def _block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", README.read_text(), re.DOTALL)
    assert found is not None, f"README.md has no {language} block"
    return found[1]


def test_the_readme_shows_the_real_report(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    pytester.makepyfile(test_counter=_block("python"))
    result = pytester.runpytest_subprocess("test_counter.py")
    result.assert_outcomes(failed=1)
    printed = set(result.outlines)
    for line in _block("text").splitlines():
        assert line in printed, f"README.md shows a line that is not printed: {line!r}"


def test_the_readmes_fix_passes_and_says_what_that_covers(pytester: pytest.Pytester) -> None:
    fixed = (
        _block("python")
        .replace("self.value = 0", "self.value = 0\n        self.lock = threading.Lock()")
        .replace("self.value += 1", "with self.lock:\n            self.value += 1")
        .replace("racecheck\ndef", 'racecheck(strategy="bounded", preemptions=2)\ndef')
    )
    pytester.makepyfile(test_counter=fixed)
    result = pytester.runpytest_subprocess("test_counter.py")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["ruled out: *", "*every schedule with at most 2 preemptions*"])


def test_the_replay_line_replays_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_counter=_block("python"))
    replay = next(line for line in _block("text").splitlines() if line.startswith("replay: "))
    option = replay.split()[-1]
    result = pytester.runpytest_subprocess("test_counter.py", option)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["REPRODUCED  after 1 execution, 3 of 3 replays agree*"])
