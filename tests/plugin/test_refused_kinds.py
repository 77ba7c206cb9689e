"""Tests that cannot be explored: refused by name when marked, counted by name under --racecheck."""

from __future__ import annotations

import pytest

KINDS = {
    "given": """
{mark}
def test_it(): raise SystemExit("must not run")
test_it.is_hypothesis_test = True
""",
    "unittest": """
import unittest
class TestOld(unittest.TestCase):
    {mark}
    def test_it(self):
        together(lambda: None)
        self.assertTrue(True)
""",
    "async": """
{mark}
async def test_it():
    pass
""",
    "subtests": """
{mark}
def test_it(subtests):
    together(lambda: None)
    with subtests.test("one"): pass
""",
}
SAYS = {
    "given": "cannot explore a test with @given, which repeats it already; call explore()",
    "unittest": "cannot explore a unittest.TestCase method; write it as a plain function",
    "async": "cannot explore an async test; write a plain one that calls asyncio.run()",
    "subtests": "cannot explore a test with subtests; write each as a test of its own",
}


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_marker_on_it_is_an_error_of_that_test_and_the_others_run(suite, kind):
    suite.write(KINDS[kind].format(mark="@quick") + "\ndef test_other(): pass\n")
    run = suite.here()
    run.outcomes(passed=1, errors=1)
    run.says("test_it: racecheck " + SAYS[kind])
    assert "Traceback" not in run.out


@pytest.mark.parametrize(
    "kind",
    [
        "unittest",
        pytest.param(
            "subtests",
            marks=pytest.mark.skipif(
                pytest.version_tuple < (9,), reason="pytest has no subtests before version 9"
            ),
        ),
    ],
)
def test_exploring_everything_runs_it_once_and_says_so(suite, kind):
    suite.write(KINDS[kind].format(mark="") + "\ndef test_thread(): together(lambda: None)\n")
    run = suite.here("--racecheck")
    assert run.status == 0
    assert run.findings["test_thread"]["verdict"] == "ruled out"
    run.says(
        "1 test explored", "not explored, run once: test_it.py::", SAYS[kind].split("; ")[0][15:]
    )
    not_explored = [f for f in run.findings.values() if f["verdict"] == "not explored"]
    assert len(not_explored) == 1


@pytest.mark.skipif(pytest.version_tuple < (9,), reason="pytest has no subtests before version 9")
def test_a_test_with_subtests_is_named_once(suite):
    suite.write("""
def test_it(subtests):
    for n in range(3):
        with subtests.test(n=n): assert n != 1
""")
    run = suite.here("--racecheck")
    assert "not explored, run once: test_it.py::test_it: a test with" in " ".join(run.out.split())


def test_doctests_are_counted_too(suite):
    suite.write('def double(n):\n    """\n    >>> double(2)\n    4\n    """\n    return 2 * n\n')
    run = suite.here("--racecheck", "--doctest-modules")
    run.outcomes(passed=1)
    run.says("not explored, run once: test_it.py::test_it.double", "a test of kind DoctestItem")


def test_many_are_named_up_to_five(suite):
    suite.write(
        "import unittest\nclass TestOld(unittest.TestCase):\n"
        + "".join(f"    def test_{n}(self): pass\n" for n in range(8))
    )
    suite.here("--racecheck").says("test_it.py::TestOld::test_4 and 3 more:")
