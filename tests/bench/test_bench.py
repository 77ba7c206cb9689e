"""The benchmark runs, counts what happened, and notices a tool that did something else."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from tests.bench import measure, ours, rounds, show, table
from tests.bench.__main__ import main
from tests.bench.programs import PROGRAMS, Program
from tests.bench.rounds import FREE, GREEN, OURS, OURS_SYNC, PUBLIC, ROOT
from tests.bench.sample import Sample, Stopwatch, complaint
from tests.bench.targets import targets

BRIEF_S = 0.05
COUNTER = PROGRAMS["counter_2x1"]
DEADLOCK = PROGRAMS["deadlock"]
BOTH = frozenset({"right", "wrong"})


def result_of(program: Program, **per_second: float) -> dict:
    """Results of one round of one second in which every contestant made so many executions."""
    return {
        "python": "3.x",
        "machine": "none",
        "load": 0.0,
        "seconds": 1.0,
        "rounds": 1,
        "cpu": None,
        "versions": {},
        "absent": {},
        "points": [],
        "programs": {
            program.name: {
                "title": program.title,
                "contestants": {
                    name: {
                        "complaint": "",
                        "samples": [Sample(int(made), 1.0, 0.5, {}, 1).as_json()],
                    }
                    for name, made in per_second.items()
                },
            }
        },
    }


# --- it runs --------------------------------------------------------------------------------------


def test_the_command_measures_prints_and_writes_json(tmp_path):
    file = tmp_path / "results.json"
    command = [sys.executable, "-m", "tests.bench", "--seconds", str(BRIEF_S), "--rounds", "1"]
    command += ["--no-rivals", "--program", "deadlock", "--json", str(file)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Executions per second" in done.stdout
    results = json.loads(file.read_text())
    entries = results["programs"]["deadlock"]["contestants"]
    assert set(entries) == {c.name for c in rounds.CONTESTANTS if c.tool not in rounds.RIVALS}
    for name, entry in entries.items():
        assert entry["complaint"] == "", name
        assert entry["samples"][0]["executions"] > 0, name
    assert entries[OURS.name]["samples"][0]["outcomes"]["deadlock"] > 0
    assert results["points"][0]["access, no switch"]["points"] >= 2_000


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=lambda program: program.name)
@pytest.mark.parametrize("contestant", [OURS, OURS_SYNC, GREEN], ids=lambda c: c.variant)
def test_ours_runs_every_program_with_the_outcomes_it_has(program, contestant):
    taken = ours.run(program, contestant.variant, BRIEF_S)
    expected, defect = contestant.expected(program)
    assert taken.executions > 0
    assert complaint([taken], expected, "") == ""
    if program.name != "counter_3x5":  # where being wrong is all but certain at access level
        assert "right" in taken.outcomes
    assert not defect or defect in taken.outcomes


def test_failures_do_not_stop_the_counting():
    taken = ours.run(DEADLOCK, OURS.variant, BRIEF_S)
    assert taken.outcomes["deadlock"] > 1
    assert taken.outcomes["right"] > 1
    assert sum(taken.outcomes.values()) == taken.executions


def test_the_public_call_is_counted_by_verdict():
    assert set(ours.run_explore(DEADLOCK, PUBLIC.variant, BRIEF_S).outcomes) == {"reproduced"}
    assert set(ours.run_explore(COUNTER, PUBLIC.variant, BRIEF_S).outcomes) == {"inconclusive"}


def test_plain_threads_that_wait_for_real_do_not_hang_the_benchmark():
    taken = rounds.measured(FREE, PROGRAMS["hand_off"], BRIEF_S)
    assert "did not end within" in taken.trouble


@pytest.mark.slow
@pytest.mark.parametrize(
    "contestant", [c for c in rounds.CONTESTANTS if c.tool in rounds.RIVALS], ids=lambda c: c.name
)
def test_a_rival_that_is_installed_runs_the_counter(contestant):
    if contestant.tool in rounds.absent():
        pytest.skip(f"{contestant.tool} {rounds.absent()[contestant.tool]}")
    taken = rounds.measured(contestant, COUNTER, 0.5)
    assert complaint([taken], *contestant.expected(COUNTER)) == ""


# --- it notices -----------------------------------------------------------------------------------


def test_a_tool_that_ran_nothing_is_not_counted():
    assert complaint([Sample(choices=5)], BOTH, "") == "ran no execution"
    assert complaint([], BOTH, "") == "ran no execution"


def test_a_body_that_never_switches_is_not_counted():
    alone = replace(COUNTER, body=lambda: True)
    taken = ours.run(alone, OURS.variant, BRIEF_S)
    assert taken.executions > 0
    assert complaint([taken], BOTH, "") == "tries one schedule only, again and again"


def test_a_tool_that_never_meets_the_defect_is_not_counted():
    blind = Sample(100, 1.0, 1.0, {"right": 100}, 7)
    assert complaint([blind], BOTH, "wrong") == "never met the wrong ending"
    assert complaint([blind], BOTH, "") == ""


def test_a_tool_that_calls_a_correct_program_wrong_is_not_counted():
    alarmed = Sample(100, 1.0, 1.0, {"right": 99, "deadlock": 1}, 7)
    assert "calls it deadlock" in complaint([alarmed], frozenset({"right"}), "")


def test_a_tool_that_says_more_than_it_ran_is_not_counted():
    watch = Stopwatch(1.0)
    watch.judge(True)
    watch.said = 3
    assert complaint([watch.sample()], BOTH, "") == "says 3 executions, but 1 came to an end"


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import sys; sys.exit('no such thing')", "status 1 and said: no such thing"),
        ("print('not JSON')", "status 0 and said: nothing"),
        ("import threading; threading.Event().wait()", "did not come back within"),
    ],
)
def test_a_child_that_fails_or_hangs_is_told_in_words(program, said):
    patience_s = 0.5 if "Event" in program else 30.0
    assert said in rounds._answer([sys.executable, "-c", program], patience_s)["trouble"]


def test_a_contestant_that_is_refused_stays_in_words_and_fails_the_run_if_it_is_ours():
    results = result_of(COUNTER, **{OURS.name: 100, "frontrun: dpor": 10})
    entries = results["programs"]["counter_2x1"]["contestants"]
    entries["frontrun: dpor"]["complaint"] = "inconclusive: it timed out"
    assert ("frontrun: dpor", COUNTER.title, "inconclusive: it timed out") in table.refused(
        results
    ).rows
    assert table.best(results["programs"]["counter_2x1"], "frontrun") is None
    assert show.own_troubles(results) == []
    entries[OURS.name]["complaint"] = "ran no execution"
    assert show.own_troubles(results) != []


# --- it computes ----------------------------------------------------------------------------------


def test_ratios_are_taken_against_the_better_variant():
    results = result_of(COUNTER, **{OURS.name: 1000, "frontrun: dpor": 50, "frontrun: random": 100})
    program = results["programs"]["counter_2x1"]
    best = table.best(program, "frontrun")
    assert best == "frontrun: random"
    assert table.ratios(program, OURS.name, best, "wall_s") == [10.0]
    assert table.ratios(program, OURS.name, best, "cpu_s") == [10.0]


@pytest.mark.parametrize(
    ("made", "reached"), [(5000, "yes"), (4999, "in CPU time only"), (2000, "no")]
)
def test_a_target_is_reached_in_wall_time_or_said_not_to_be(made, reached):
    rows = targets(result_of(COUNTER, **{OURS.name: made})).rows
    [row] = [row for row in rows if row[0].endswith("random, access")]
    assert row[-1] == reached


def test_greenlets_have_targets_of_their_own():
    made = {GREEN.name: 20_000, OURS.name: 10_000, "frontrun: dpor": 400}
    rows = {row[0]: row[-1] for row in targets(result_of(COUNTER, **made)).rows}
    assert rows[f"≥ 50 × frontrun: {COUNTER.title}, greenlets"] == "yes"
    assert rows[f"≥ 25,000/s: {COUNTER.title}, {GREEN.variant}"] != "yes"


def test_markdown_and_terminal_show_the_same_tables(capsys):
    results = result_of(COUNTER, **{OURS.name: 1234, FREE.name: 617})
    text = show.markdown(results)
    show.show(results)
    drawn = capsys.readouterr().out
    for cell in ("1,234", "617", "2×"):
        assert cell in text
        assert cell in drawn


def test_results_are_read_back_without_measuring(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(rounds, "measured", None)
    file = tmp_path / "results.json"
    file.write_text(json.dumps(result_of(COUNTER, **{OURS.name: 1234, FREE.name: 617})))
    assert main(["--read", str(file), "--markdown"]) == 0
    assert "1,234" in capsys.readouterr().out


def test_a_page_gets_the_results_of_its_python_in_place_of_the_earlier_ones(tmp_path):
    page, file = tmp_path / "page.md", tmp_path / "results.json"
    file.write_text(json.dumps(result_of(COUNTER, **{OURS.name: 1234, FREE.name: 617})))
    place = "<!-- results 3.x -->{}<!-- end of results 3.x -->"
    page.write_text("before\n" + place.format("earlier") + "\nafter\n")
    assert main(["--read", str(file), "--page", str(page)]) == 0
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "1,234" in text
    assert "earlier" not in text
    page.write_text("nothing to replace")
    with pytest.raises(ValueError, match="no place for results"):
        main(["--read", str(file), "--page", str(page)])


def test_the_documentation_has_a_place_for_each_python():
    page = (ROOT / "docs" / "benchmarks.md").read_text()
    for minor in ("3.11", "3.12", "3.13"):
        results = result_of(COUNTER, **{OURS.name: 1234}) | {"python": f"{minor}.0"}
        assert "1,234" in show.put_into(page, results)


@pytest.mark.parametrize("wrong", [["--seconds", "0"], ["--rounds", "0"], ["--program", "x"]])
def test_wrong_arguments_are_refused(wrong, capsys):
    with pytest.raises(SystemExit) as refused:
        main(wrong)
    assert refused.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_every_tool_has_its_module():
    for module, _ in measure.TOOLS.values():
        assert importlib.util.find_spec(f"tests.bench.{module}") is not None


def test_the_programs_are_plain_code_which_knows_no_tool():
    plain = {"__future__", "collections.abc", "dataclasses", "queue", "threading", "time", "typing"}
    source = (ROOT / "tests" / "bench" / "programs.py").read_text().splitlines()
    imported = {line.split()[1] for line in source if line.startswith(("import ", "from "))}
    assert imported
    assert imported <= plain
