"""`racecheck run`, `replay` and `claims --run`, from the outside: statuses, JSON, interruptions."""

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

import pytest_racecheck

SOURCE = str(Path(pytest_racecheck.__file__).parent.parent)
KEYS = [
    "scenario", "variant", "role", "cases", "mode", "transport", "expects", "verdict", "grade",
    "kept", "executions", "seconds", "first_failure", "failure", "schedule", "replays",
    "preemptions", "reason",
]  # fmt: skip

HANG = """
[variants.hang]
role    = "control"
modes   = ["free"]
[variants.hang.free]
expects = "reproduced"
runs    = 1
deadline_s = {deadline_s}
"""
CRASH = """
[variants.crash]
role    = "control"
modes   = ["free"]
isolate = true
[variants.crash.free]
expects  = "reproduced"
runs     = 2
min_rate = 1.0
kind     = "crash"
"""
WRONG_PROMISE = """
[variants.wrong]
role    = "control"
file    = "buggy"
expects = "ruled out"
[variants.wrong.free]
expects  = "inconclusive"
runs     = 1
control  = "buggy"
min_rate = 0.5
"""
NEEDY = """
[variants.needy]
role     = "control"
file     = "fixed"
requires = ["pgmq"]
expects  = "ruled out"
"""
UNIMPORTABLE = """
[variants.unimportable]
role    = "control"
expects = "reproduced"
[variants.unimportable.free]
expects = "reproduced"
runs    = 1
"""
PORT = """
[variants.port]
role    = "control"
modes   = ["free"]
[variants.port.free]
expects = "reproduced"
runs    = 1
"""


class Command:
    """The command as a user starts it, in an empty folder, with the tiny scenarios."""

    def __init__(self, folder, scenarios):
        self.folder, self.scenarios = folder, scenarios
        self.mark = f"mark-{uuid.uuid4()}"

    def words(self, *words):
        where = ["--scenarios", str(self.scenarios)]
        return [sys.executable, "-m", "pytest_racecheck", *words, *where]

    def settings(self, **environment):
        clean = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        return clean | {"PYTHONPATH": SOURCE, "TINY_MARK": self.mark} | environment

    def __call__(self, *words, **environment):
        return subprocess.run(
            self.words(*words),
            capture_output=True,
            text=True,
            timeout=120,
            cwd=self.folder,
            env=self.settings(**environment),
            check=False,
        )

    def start(self, *words, **environment):
        return subprocess.Popen(
            self.words(*words),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env=self.settings(**environment),
        )

    def left_over(self):
        """The processes still there that began with this command's environment."""
        found = []
        for process in Path("/proc").iterdir():
            if process.name.isdigit():
                try:
                    if self.mark.encode() in (process / "environ").read_bytes():
                        found.append((process / "cmdline").read_bytes())
                except OSError:  # it ended while we looked
                    continue
        return found


@pytest.fixture(name="command")
def _command(tiny, tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    command = Command(folder, tiny.folder)
    yield command
    assert command.left_over() == []
    assert list(folder.iterdir()) in ([], [folder / "out.json"])


def findings(command):
    return json.loads((command.folder / "out.json").read_text())["findings"]


def test_kept_promises_end_with_status_0_and_a_table(command):
    finished = command("run")
    assert finished.returncode == 0, finished
    assert [line.split()[:4] for line in finished.stdout.splitlines()[:5]] == [
        ["tiny_counter", "Two", "threads", "add"],
        ["kept", "buggy", "controlled", "reproduced"],
        ["kept", "buggy", "free", "reproduced"],
        ["kept", "fixed", "controlled", "ruled"],
        ["kept", "fixed", "free", "inconclusive"],
    ]
    assert re.search(r"^4 promises: 4 kept \(\d+\.\d s\)$", finished.stdout, re.M)
    assert max(map(len, finished.stdout.splitlines())) <= 80


def test_progress_without_a_terminal_is_a_line_a_job_on_stderr(command):
    lines = command("run").stderr.splitlines()
    assert [line.split()[0] for line in lines] == ["[1/4]", "[2/4]", "[3/4]", "[4/4]"]
    assert all("\033" not in line for line in lines)
    assert re.search(
        r"kept: tiny_counter/buggy free: reproduced, assertion in 3 of 3 runs \(\d",
        "\n".join(lines),
    )


def test_the_json_has_the_documented_shape(command):
    assert command("run", "--json", "out.json").returncode == 0
    content = json.loads((command.folder / "out.json").read_text())
    assert list(content) == ["version", "summary", "findings"]
    assert content["version"] == 1
    summary = content["summary"]
    assert (summary["kept"], summary["broken"], summary["not_run"]) == (4, 0, 0)
    assert (summary["exit_status"], summary["interrupted"]) == (0, False)
    for finding in content["findings"]:
        assert list(finding) == KEYS
    buggy, _, fixed, _ = content["findings"]
    assert buggy["schedule"].startswith("rc1:")
    assert buggy["failure"] == {
        "kind": "assertion",
        "type": "AssertionError",
        "message": "an update was lost",
        "where": "workload.py:9",
    }
    assert (fixed["verdict"], fixed["grade"], fixed["preemptions"]) == ("ruled out", "bounded", 1)


def test_the_json_can_go_to_stdout_alone(command):
    finished = command("run", "tiny_counter", "--json", "-")
    assert len(json.loads(finished.stdout)["findings"]) == 4
    assert "4 promises: 4 kept" in finished.stderr


def test_the_same_run_finds_the_same_with_any_number_of_workers(command):
    runs = []
    for workers in ("1", "4"):
        command("run", "--mode", "controlled", "-n", workers, "--json", "out.json")
        runs.append([{**one, "seconds": 0} for one in findings(command)])
    assert runs[0] == runs[1]


#: On a busy machine simplifying a schedule ends early, and not always at the same one.
UNHURRIED = """
from pytest_racecheck.diagnosis import minimise, suspects
minimise.MAX_SECONDS = suspects.MAX_SECONDS = 60.0
"""


@pytest.mark.slow
def test_the_scenarios_are_found_the_same_with_any_number_of_workers(tmp_path):
    pytest.importorskip("zmq")
    (tmp_path / "sitecustomize.py").write_text(UNHURRIED)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), SOURCE])}
    runs = {}
    for workers in (1, 2, 4):
        out = tmp_path / f"{workers}.json"
        command = [sys.executable, "-m", "pytest_racecheck", "run", "--mode", "controlled"]
        command += ["--executions", "60", "--seconds", "600", "-n", str(workers)]
        done = subprocess.run(
            [*command, "--json", str(out)], env=environment, capture_output=True, check=False
        )
        assert done.returncode in (0, 1, 3), done.stderr
        runs[workers] = [{**one, "seconds": 0} for one in json.loads(out.read_text())["findings"]]
    assert len(runs[1]) > 20
    assert {one["verdict"] for one in runs[1]} >= {"reproduced", "inconclusive"}
    assert runs[2] == runs[1]
    assert runs[4] == runs[1]


def test_a_broken_promise_ends_with_status_1_report_and_command(command, tiny):
    tiny.write(more=WRONG_PROMISE)
    finished = command("run")
    assert finished.returncode == 1
    assert "BROKEN  tiny_counter/wrong controlled: reproduced, promised was ruled out" in (
        finished.stdout
    )
    line = re.search(r"replay: racecheck (replay tiny_counter/wrong \S+)", finished.stdout)[1]
    assert "BROKEN  tiny_counter/wrong free: reproduced, promised was inconclusive" in (
        finished.stdout
    )
    assert "again: racecheck run tiny_counter/wrong --mode free" in finished.stdout
    again = command(*line.split())
    assert (again.returncode, again.stderr) == (1, "")
    assert "an update was lost" in again.stdout


def test_a_replay_that_shows_what_was_promised_ends_with_status_0(command):
    command("run", "tiny_counter/buggy", "--mode", "controlled", "--json", "out.json")
    [finding] = findings(command)
    finished = command("replay", "tiny_counter/buggy", finding["schedule"])
    assert (finished.returncode, finished.stderr) == (0, "")
    assert "REPRODUCED" in finished.stdout
    assert "an update was lost" in finished.stdout


def test_what_cannot_be_run_here_ends_with_status_3_and_the_command(command, tiny):
    tiny.write(more=NEEDY)
    finished = command("run", "--json", "out.json")
    assert finished.returncode == 3
    assert "could not be run here: pgmq is missing; enable it with: pip install pgmq" in (
        finished.stdout
    )
    [needy] = [one for one in findings(command) if one["variant"] == "needy"]
    assert (needy["kept"], needy["verdict"], needy["executions"]) == (None, "inconclusive", 0)
    assert needy["reason"].startswith("could not be run here: ")


@pytest.mark.parametrize("words", [("explain",), ("replay", "rc1:random:0x1:0")])
def test_explain_and_replay_say_the_command_that_is_missing(command, tiny, words):
    tiny.write(more=NEEDY)
    verb, *schedule = words
    finished = command(verb, "tiny_counter/needy", *schedule)
    assert finished.returncode == 3, finished.stderr
    assert finished.stderr.endswith("pgmq is missing; enable it with: pip install pgmq\n")


def test_a_broken_promise_outweighs_what_could_not_be_run(command, tiny):
    tiny.write(more=NEEDY + WRONG_PROMISE)
    assert command("run").returncode == 1


def test_a_scenario_that_cannot_be_imported_is_a_mistake_and_no_reproduction(command, tiny):
    tiny.write(more=UNIMPORTABLE)
    finished = command("run", "tiny_counter/unimportable", "--json", "out.json")
    assert finished.returncode == 2
    assert "unimportable.py: it cannot be imported: ModuleNotFoundError" in finished.stdout
    assert [finding["kept"] for finding in findings(command)] == [None, None]


def test_a_port_in_use_is_no_reproduction(command, tiny):
    tiny.write(more=PORT)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        finished = command("run", "tiny_counter/port", TINY_PORT=str(port))
    assert finished.returncode == 2
    assert "a port it needs is in use: stop the program that holds it" in finished.stdout
    assert "Traceback" not in finished.stdout + finished.stderr


def test_a_crash_in_a_child_is_the_oracle(command, tiny):
    tiny.write(more=CRASH)
    finished = command("run", "tiny_counter/crash", "--json", "out.json")
    assert finished.returncode == 0, finished
    [finding] = findings(command)
    assert finding["failure"]["type"] == "SIGABRT"
    assert "Assertion failed: check () (tiny.cpp:7)" in finding["failure"]["message"]
    assert finding["failure"]["where"].startswith("crash.py:")
    assert finding["replays"] == [2, 2]


def test_a_crash_under_control_is_said_and_is_no_pass(command, tiny):
    crash = CRASH.replace('["free"]', '["controlled"]\nexpects = "ruled out"')
    tiny.write(more=crash.replace("isolate = true", "").partition("[variants.crash.free]")[0])
    finished = command("run", "tiny_counter/crash", "tiny_counter/fixed")
    assert finished.returncode == 1
    assert "the process died of SIGABRT" in finished.stdout
    assert "kept    fixed" in finished.stdout


def test_a_hang_is_a_finding_with_stacks(command, tiny):
    tiny.write(more=HANG.format(deadline_s=1))
    finished = command("run", "tiny_counter/hang", "--json", "out.json")
    assert finished.returncode == 0, finished
    [finding] = findings(command)
    assert finding["failure"]["kind"] == "hang"
    assert finding["failure"]["where"] == "hang.py:12"
    assert "in add" in finished.stdout


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_reports_what_there_is_and_leaves_nothing(
    command, tiny, tmp_path, number, status
):
    tiny.write(more=HANG.format(deadline_s=600))
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    words = ["run", "tiny_counter", "-n", "1", "--json", "out.json"]
    process = command.start(*words, TINY_FIFO=str(fifo))
    pids = fifo.read_text().split()
    assert all(Path("/proc", pid).exists() for pid in pids)
    process.send_signal(number)
    process.send_signal(number)  # an impatient user
    out, err = process.communicate(timeout=60)
    assert process.returncode == status
    assert "Traceback" not in out + err
    assert "5 promises: 4 kept, 1 not reached (interrupted)" in out
    content = json.loads((command.folder / "out.json").read_text())
    assert content["summary"]["interrupted"] is True
    assert len(content["findings"]) == 4


def test_a_search_under_control_can_be_interrupted_too(command, tiny, tmp_path):
    hang = HANG.format(deadline_s=600).replace('["free"]', '["controlled"]\nexpects = "reproduced"')
    tiny.write(more=hang.partition("[variants.hang.free]")[0])
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    process = command.start("run", "tiny_counter/hang", TINY_FIFO=str(fifo))
    fifo.read_text()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in out + err


def test_a_terminal_gets_a_live_display_and_colours(command):
    shown, status = in_terminal(command, TERM="xterm")
    assert status == 0
    assert "\033[32mkept\033[0m" in shown
    assert "promises" in shown
    assert "[1/4]" not in shown


@pytest.mark.parametrize("plain", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_that_wants_it_plain_gets_plain_lines(command, plain):
    shown, status = in_terminal(command, **({"TERM": "xterm"} | plain))
    assert status == 0
    assert "\033" not in shown
    assert "[1/4]" in shown


def in_terminal(command, **environment):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command.words("run"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=command.folder,
        env=command.settings(**environment),
    )
    os.close(theirs)
    shown = b""
    try:
        while data := os.read(ours, 65_536):
            shown += data
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(ours)
    return shown.decode(), process.wait()


CLAIMS = """
[[claim]]
id       = "counts"
document = "a test"
section  = "none"
text     = "A counter counts."
verdict  = "{verdict}"
because  = "Not without a lock."
shown_by = [
  {{ scenario = "tiny_counter", variant = "buggy", mode = "controlled" }},
  {{ scenario = "tiny_counter", variant = "{variant}", mode = "free" }},
]
"""


def test_a_claim_is_borne_out_by_running_what_shows_it(command, tiny):
    (tiny.folder / "claims.toml").write_text(CLAIMS.format(verdict="refuted", variant="fixed"))
    finished = command("claims", "--run", "--json", "out.json")
    assert finished.returncode == 0, finished
    assert "REFUTED  counts" in finished.stdout
    assert "this run: borne out by 2 of 2 variants" in finished.stdout
    ran = [(one["variant"], one["mode"]) for one in findings(command)]
    assert ran == [("buggy", "controlled"), ("fixed", "free")]


def test_a_claim_is_not_borne_out_when_a_promise_breaks(command, tiny):
    tiny.write(more=WRONG_PROMISE)
    (tiny.folder / "claims.toml").write_text(CLAIMS.format(verdict="refuted", variant="wrong"))
    finished = command("claims", "--run")
    assert finished.returncode == 1
    assert "this run: NOT BORNE OUT" in finished.stdout


def test_the_claims_can_be_read_without_running_anything(command, tiny):
    (tiny.folder / "claims.toml").write_text(CLAIMS.format(verdict="refuted", variant="fixed"))
    finished = command("claims")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert "“A counter counts.” (a test, none)" in finished.stdout
    assert "shown by: tiny_counter/fixed free" in finished.stdout
