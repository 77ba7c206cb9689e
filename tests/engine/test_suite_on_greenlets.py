"""The tests of the engine and the adapters once more, with every search of theirs on greenlets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: What takes long, and drives the engine in the same way as the rest.
LEFT_OUT = ("tests/engine/strategies", "tests/engine/test_suite_on_greenlets.py")


@pytest.mark.slow
@pytest.mark.parametrize("room", ["tests/engine", "tests/adapters"])
def test_the_suite_passes_on_greenlets(room):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", room]
    command += ["--carrier", "greenlets", "-o", "faulthandler_timeout=300"]
    command += [f"--ignore={left_out}" for left_out in LEFT_OUT]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:]


@pytest.mark.asks_for_carriers
def test_the_option_reaches_every_search(pytester):
    pytester.makeconftest((ROOT / "conftest.py").read_text())
    pytester.makepyfile(
        """
        import threading
        from pytest_racecheck import explore

        def body():
            one = threading.Thread(target=threading.Lock)
            one.start()
            one.join()

        def test_it():
            assert explore(body, carrier="threads").carrier == "greenlets"
        """
    )
    pytester.makeini("[pytest]\nmarkers = threads_only: x\n asks_for_carriers: y\n slow: z\n")
    pytester.runpytest_inprocess("--carrier", "greenlets").assert_outcomes(passed=1)
    pytester.runpytest_inprocess().assert_outcomes(failed=1)
