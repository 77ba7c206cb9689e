"""What a body may wish besides passing or failing: skip, xfail, fail, exit; and who may wish it."""

from __future__ import annotations

import pytest

START = """
def start():
    together(lambda: None)
"""


@pytest.mark.parametrize("args", [(), ("--racecheck-isolate",)], ids=["here", "isolated"])
@pytest.mark.parametrize(
    ("wish", "outcome"),
    [
        ("pytest.skip('not today')", {"skipped": 1}),
        ("raise __import__('unittest').SkipTest('not today')", {"skipped": 1}),
        ("pytest.importorskip('no_such_module')", {"skipped": 1}),
        ("pytest.xfail('known')", {"xfailed": 1}),
        ("pytest.fail('bad')", {"failed": 1}),
        ("pytest.fail('bad', pytrace=False)", {"failed": 1}),
        ("sys.exit(3)", {"failed": 1}),
        ("raise GeneratorExit", {"failed": 1}),
    ],
)
def test_a_wish_of_the_body_is_what_it_is_without_us(suite, wish, outcome, args):
    suite.write(f"{START}\n@coarse\ndef test_it():\n    start()\n    {wish}\n")
    run = suite.here(*args)
    run.outcomes(**outcome)
    if "bad" in wish:
        assert run.finding["failure"]["where"] == "test_it.py:18"


@pytest.mark.parametrize("args", [(), ("--racecheck-isolate",)], ids=["here", "isolated"])
def test_exit_ends_the_session_with_its_status(suite, args):
    suite.write(
        f"{START}\n@coarse\ndef test_it():\n    start()\n    pytest.exit('enough', 7)\n"
        "def test_after(): raise SystemError('must not run')\n"
    )
    run = suite.here(*args)
    assert run.status == 7
    run.says("_pytest.outcomes.Exit: enough")


@pytest.mark.parametrize("args", [(), ("--racecheck-isolate",)], ids=["here", "isolated"])
def test_a_keyboard_interrupt_of_the_body_ends_the_session(suite, args):
    suite.write(f"{START}\n@coarse\ndef test_it():\n    start()\n    raise KeyboardInterrupt\n")
    run = suite.apart(*args)
    assert run.status == 2
    run.says("KeyboardInterrupt")


def test_xfail_marks_judge_the_verdict_as_usual(suite):
    suite.write(
        START
        + """
@coarse
@pytest.mark.xfail(raises=AssertionError, strict=True)
def test_expected():
    start()
    assert 0

@coarse
@pytest.mark.xfail(raises=ValueError)
def test_other_error():
    start()
    assert 0

@coarse
@pytest.mark.xfail(strict=True)
def test_unexpected_pass(): start()

@coarse
@pytest.mark.xfail
def test_lenient_pass(): start()

@coarse
@pytest.mark.skipif("True", reason="no")
def test_skipped_by_mark(): raise SystemError
"""
    )
    suite.here().outcomes(xfailed=1, failed=2, xpassed=1, skipped=1)


def test_a_skip_in_some_schedules_only_does_not_look_like_all_skipped(suite):
    suite.write("""
@quick
def test_it():
    box = []
    writer = threading.Thread(target=box.append, args=(1,))
    writer.start()
    early = 1 in box
    writer.join()
    if early: pytest.skip("the writer was first")
""")
    run = suite.here("-rs")
    run.outcomes(skipped=1)
    run.says("the others passed: the writer was first")


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ("pytest.skip('no')", "a task cannot skip the test: call it in the test itself"),
        ("pytest.xfail('no')", "a task cannot xfail the test: call it in the test itself"),
        ("pytest.exit('no')", "a task cannot end the session of the test"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt in task main/0 at test_it.py:13"),
        ("raise GeneratorExit", "GeneratorExit in task main/0 at test_it.py:13"),
    ],
)
def test_a_task_that_wishes_for_the_test_fails_by_name(suite, wish, says):
    suite.write(f"@coarse\ndef test_it():\n    def task(): {wish}\n    together(task)\n")
    run = suite.here()
    run.outcomes(failed=1)
    assert run.finding["verdict"] == "reproduced"
    run.says(says)


def test_an_exception_of_a_task_fails_the_test_with_its_own_traceback(suite):
    suite.write("""
def convert(text):
    return int(text)
@coarse
def test_it():
    together(lambda: convert("x"))
""")
    run = suite.here()
    run.outcomes(failed=1)
    run.says(
        "ValueError: invalid literal for int()", "return int(text)", "test_it.py:13: ValueError"
    )
    assert "racecheck/engine" not in run.out


def test_an_exit_of_a_task_ends_that_task_only(suite):
    suite.write("""
@coarse
def test_it():
    box = []
    def leave():
        box.append(1)
        sys.exit(3)
    together(leave)
    assert box == [1]
""")
    suite.here().outcomes(passed=1)


def test_the_assertion_is_shown_as_pytest_shows_it(racy):
    run = racy.here("-k", "racy")
    run.says(
        "> assert counter.value == 2",
        "E assert 1 == 2",
        "E + where 1 = <test_it.Counter object at",
        "test_it.py:21: AssertionError",
    )
    assert "item_run.py" not in run.out
    assert "execution.py" not in run.out


def test_the_assertion_is_shown_also_from_a_child_process(racy):
    run = racy.here("-k", "racy", "--racecheck-isolate")
    run.says("assert counter.value == 2", "AssertionError: assert 1 == 2", "+ where 1 = <test_it")
    assert "isolation.py" not in run.out


def test_the_report_survives_hidden_captures_and_short_tracebacks(racy):
    for args in (["--show-capture=no"], ["--tb=short"], ["--tb=native"], ["--tb=long"]):
        run = racy.here("-k", "racy", *args)
        run.says("REPRODUCED after", "--racecheck-replay=rc1:")


def test_exceptions_that_are_subclasses_of_baseexception_fail_the_test(suite):
    suite.write("""
class Odd(BaseException): pass
@coarse
def test_body():
    together(lambda: None)
    raise Odd("in the body")
@coarse
def test_task():
    def fail(): raise Odd("in a task")
    together(fail)
""")
    run = suite.here()
    run.outcomes(failed=2)
    run.says("Odd: in the body", "Odd: in a task")


def test_pdb_and_maxfail_see_an_ordinary_failure(racy):
    run = racy.here("--maxfail=1", "-x")
    run.outcomes(failed=1)
    run.says("stopping after 1 failures")
