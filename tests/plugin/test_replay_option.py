"""``--racecheck-replay``: the very failure again, elsewhere; every misuse is one sentence."""

from __future__ import annotations

import shlex

import pytest


def replay_command(run) -> list[str]:
    """The arguments behind "pytest" in the last line of a report."""
    line = next(line for line in run.out.splitlines() if line.startswith("replay: pytest "))
    return shlex.split(line)[2:]


@pytest.fixture
def schedule(racy) -> str:
    return racy.here("-k", "racy").finding["schedule"]


@pytest.mark.parametrize("args", [(), ("--racecheck-isolate",)], ids=["here", "isolated"])
def test_the_printed_command_shows_the_same_failure_in_another_process(racy, args):
    first = racy.apart("-k", "racy", *args)
    again = racy.apart(*replay_command(first))
    assert again.status == 1
    assert ("--racecheck-isolate" in replay_command(first)) == bool(args)
    for key in ("kind", "type", "where"):  # the message has an address in it
        assert again.finding["failure"][key] == first.finding["failure"][key]
    assert again.finding["replays"] == [3, 3]
    assert again.finding["schedule"] == first.finding["schedule"]
    assert again.finding["executions"] == 1

    def told(run) -> str:
        return run.out.split("----- racecheck ---")[1].split("replay: ")[0].split("\n", 3)[3]

    assert told(again) == told(first)


def test_the_command_works_from_a_quoted_parameter_id(suite):
    suite.write("""
@pytest.mark.parametrize("word", ["it's", "a b"])
@quick
def test_word(word):
    together(lambda: None)
    assert word == "a b"
""")
    first = suite.apart()
    assert first.status == 1
    again = suite.apart(*replay_command(first))
    assert again.status == 1
    assert list(again.findings) == ["test_word[it's]"]


def test_a_crash_is_replayed_by_its_command(suite):
    suite.write("""
@pytest.mark.racecheck(isolate=True, patience_s=0.3, executions=200)
def test_crash():
    box = {"open": True}
    def close(): box["open"] = False
    def use():
        if box["open"]:
            if not box["open"]:
                os.abort()
    together(close, use)
""")
    first = suite.apart()
    assert first.finding["failure"]["type"] == "SIGABRT"
    again = suite.apart(*replay_command(first))
    assert again.finding["failure"] == first.finding["failure"]
    assert again.finding["replays"] == [3, 3]


def test_a_body_that_imports_while_it_runs_replays_in_a_fresh_process(suite):
    suite.write("value = 0\ndef add():\n    global value\n    value += 1\n", "late.py", head="")
    suite.write("""
@quick
def test_late():
    import late
    late.value = 0
    together(late.add, late.add)
    assert late.value == 2
""")
    first = suite.apart()
    assert first.finding["verdict"] == "reproduced"
    again = suite.apart(*replay_command(first))
    assert again.finding["verdict"] == "reproduced"
    assert again.finding["failure"] == first.finding["failure"]


def test_the_marker_may_hold_a_schedule(racy, schedule):
    racy.write(f"""
class Counter:
    value = 0
    def add(self):
        self.value += 1

@pytest.mark.racecheck(replay="{schedule}")
def test_racy():
    counter = Counter()
    together(counter.add, counter.add)
    assert counter.value == 2
""")
    # Only the name of the test decides nothing here: the schedule is the whole recipe.
    run = racy.here()
    run.outcomes(failed=1)
    assert run.finding["verdict"] == "reproduced"
    assert run.finding["executions"] == 1


def test_a_fixed_program_that_still_fits_passes(suite):
    body = """
@quick
def test_it():
    box = {{"n": 0}}
    def add():
        seen = box["n"]
        box["n"] = {value}
    together(add, add)
    assert box["n"] == 2
"""
    suite.write(body.format(value="seen + 1"))
    found = suite.here().finding["schedule"]
    suite.write(body.format(value="2"), "test_fixed.py")
    run = suite.here("test_fixed.py", f"--racecheck-replay={found}")
    run.outcomes(passed=1)
    run.says("the one schedule asked for did not fail")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "'' is not a replay text"),
        ("nonsense", "'nonsense' is not a replay text: expected rc1:<strategy>:"),
        ("rc1:random:0.1", "'rc1:random:0.1' is not a replay text"),
        ("rc9:random:0.1:00", "replay text version rc9 is not known here (known: rc1, rc2, rc3)"),
        ("rc1:random:0.1:", "the replay text is damaged: 2 choices need 2 check digits, found 0"),
        ("rc1:random:0.1:0000", "the replay text is damaged: 2 choices need 2 check digits"),
        ("rc1:random:0..1:00", "the replay text is damaged at ''"),
        ("rc1:random:0x99999999:00", "the replay text is damaged at '0x99999999'"),
        ("rc1:random:0x9999999:00", "asks for more than 5000000 choices"),
        ("rc1:random:0x0:00", "or for none"),
        ("rc1:../../etc/passwd:0:00", "is not a replay text"),
        ("null", "'null' is not a replay text"),
        ("\ufeffrc1:random:0:00", "is not a replay text"),
        ("rc1:random:0:00\x1b[31m", "is not a replay text"),
    ],
)
def test_a_malformed_text_is_refused_before_any_test_runs(racy, text, says):
    run = racy.here("-k", "racy", f"--racecheck-replay={text}")
    assert run.status == 4
    run.says("--racecheck-replay: ", says)
    assert "Traceback" not in run.out + run.err
    assert "\x1b" not in run.err
    assert run.findings == {}


def test_a_schedule_for_several_tests_is_refused(racy, schedule):
    run = racy.here(f"--racecheck-replay={schedule}")
    assert run.status == 4
    run.says("a schedule belongs to one test, but 2 are selected; name the test")


def test_a_schedule_for_a_test_that_is_not_explored_is_refused(suite):
    suite.write("def test_plain(): pass\n")
    run = suite.here("--racecheck-replay=rc1:random:0:d4")
    assert run.status == 4
    run.says("no selected test is explored; name the test, and mark it racecheck")


def test_a_schedule_of_another_test_fails_saying_where_it_does_not_fit(racy, schedule):
    run = racy.here("-k", "sound", f"--racecheck-replay={schedule}")
    assert run.status == 1
    run.outcomes(failed=1)
    run.says("racecheck: the schedule does not fit this program: choice")
    assert run.finding["verdict"] == "inconclusive"


def test_a_schedule_that_is_too_short_or_too_long_does_not_fit(suite):
    suite.write("@coarse\ndef test_it(): together(lambda: None, lambda: None)\n")
    run = suite.here("--racecheck-replay=rc1:random::")
    run.outcomes(failed=1)
    run.says("does not fit this program")
    run = suite.here("--racecheck-replay=rc1:random:0x4000:" + "00" * 250)
    run.outcomes(failed=1)
    run.says("does not fit this program")


def test_a_changed_program_is_told_by_the_operation_that_differs(suite):
    body = """
@pytest.mark.racecheck(points="sync", strategy="exhaustive")
def test_it():
    lock, event = threading.Lock(), threading.Event()
    def work():
        {work}
    together(work, work)
    assert lock is None
"""
    suite.write(body.format(work="lock.acquire(); lock.release()"))
    found = suite.here("--racecheck-strategy=random", "--racecheck-seed=3").finding["schedule"]
    suite.write(body.format(work="event.set(); event.wait()"), "test_changed.py")
    run = suite.here("test_changed.py", f"--racecheck-replay={found}")
    run.outcomes(failed=1)
    run.says("the schedule does not fit this program")


def test_replaying_needs_no_budget_and_ignores_the_strategy_of_the_marker(racy, schedule):
    racy.here(
        "-k", "racy", f"--racecheck-replay={schedule}", "--racecheck-strategy=pct",
        "--racecheck-executions=1", "--racecheck-seed=99",
    ).outcomes(failed=1)  # fmt: skip


CHANGED = """
@pytest.mark.racecheck(strategy="random", seconds=60)
def test_it():
    box, lock = {{"n": 0}}, threading.Lock()
    def add():
        {work}
    together(add, add)
    assert box["n"] == 2
"""


def test_a_tolerant_replay_goes_on_where_an_exact_one_stops(suite):
    suite.write(CHANGED.format(work="box['n'] += 1"))
    found = suite.here().finding["schedule"]
    locked = "with lock: box['n'] += 1"
    suite.write(CHANGED.format(work=locked), "test_changed.py")
    args = ("test_changed.py", f"--racecheck-replay={found}")
    assert suite.here(*args).status == 1
    run = suite.here(*args, "--racecheck-replay-mode=tolerant")
    assert run.status == 0
    assert run.finding["verdict"] == "inconclusive"
    assert run.finding["matched"][0] > 0
    run = suite.here(*args, "--racecheck-replay-mode=around")
    assert run.finding["verdict"] == "ruled out"
    run = suite.here(
        *args,
        "--racecheck-replay-mode=prefix",
        "--racecheck-replay-upto=1",
        "--racecheck-executions=7",
    )
    assert run.finding["executions"] == 7


def test_a_mode_without_a_schedule_or_nonsense_is_refused(racy, schedule):
    assert racy.here("-k", "racy", "--racecheck-replay-mode=tolerant").status == 4
    run = racy.here("-k", "racy", f"--racecheck-replay={schedule}", "--racecheck-replay-mode=lazy")
    assert run.status == 4
    run.says("mode='lazy': expected one of exact, tolerant, prefix, around")
