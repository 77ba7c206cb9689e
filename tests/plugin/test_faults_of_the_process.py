"""Bodies that take the process with them: exits, signals, crashes, forks; nothing stays behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

AFTER = "\ndef test_after(): pass\n"
ISOLATED = "@pytest.mark.racecheck(patience_s=0.3, executions=60, seconds=5, isolate=True)"


# --- os._exit ----------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", ["@quick", ISOLATED], ids=["here", "isolated"])
def test_os_exit_is_a_finding_and_the_session_goes_on(suite, mark):
    suite.write(f"""
{mark}
@pytest.mark.parametrize("status", [0, 3])
class TestExit:
    def test_body(self, status):
        together(print)
        os._exit(status)
    def test_task(self, status):
        together(lambda: os._exit(status))
{AFTER}""")
    run = suite.apart()
    assert run.status == 1
    run.outcomes(failed=4, passed=1)
    for name, finding in run.findings.items():
        assert finding["verdict"] == "reproduced"
        assert finding["failure"]["kind"] == "exit"
        assert finding["failure"]["where"] == f"test_it.py:{17 if 'body' in name else 19}"
    for status in (0, 3):
        run.says(f"os._exit({status}) was called, which ends the process without a word")


def test_os_exit_that_the_body_catches_is_a_finding_all_the_same(suite):
    suite.write("""
@quick
def test_it():
    def leave():
        try: os._exit(0)
        except BaseException: pass
    together(leave)
""")
    run = suite.apart()
    run.outcomes(failed=1)
    assert run.finding["failure"]["where"] == "test_it.py:15"


def test_a_native_exit_in_a_child_process_is_a_finding(suite):
    suite.write(f"""
import ctypes
libc = ctypes.CDLL(None)
@pytest.mark.parametrize("status", [0, 3])
{ISOLATED}
def test_it(status):
    together(lambda: libc._exit(status))
{AFTER}""")
    run = suite.apart()
    run.outcomes(failed=2, passed=1)
    for status in (0, 3):
        finding = run.findings[f"test_it[{status}]"]
        assert finding["failure"]["kind"] == "crash"
        assert finding["failure"]["type"] == f"Exit {status}"
        assert finding["failure"]["where"] == "test_it.py:10"  # the last operation: no stack
        assert finding["replays"] == [3, 3]
        run.says(f"the process left with status {status}", "--racecheck-replay=rc1:")


# --- crashes -----------------------------------------------------------------------------------


CRASHES = {
    "SIGSEGV": "ctypes.string_at(0)",
    "SIGABRT": "os.abort()",
    "SIGKILL": "os.kill(os.getpid(), signal.SIGKILL)",
    "SIGFPE": "signal.raise_signal(signal.SIGFPE)",
}


@pytest.mark.parametrize("who", ["body", "task"])
def test_a_crash_in_a_child_process_is_a_finding_with_its_stack(suite, who):
    run_it = "crash()" if who == "body" else "together(crash)"
    suite.write(f"""
import ctypes
@pytest.mark.parametrize(("name", "call"), {list(CRASHES.items())!r})
{ISOLATED}
def test_it(name, call):
    call = compile(call, "crash", "eval")
    def crash():
        os.write(2, b"Assertion failed: check () (msg.cpp:394)\\n")
        eval(call)
    together(print)
    {run_it}
{AFTER}""")
    run = suite.apart()
    run.outcomes(failed=4, passed=1)
    for (nodeid, finding), name in zip(run.findings.items(), CRASHES, strict=True):
        assert name in nodeid
        failure = finding["failure"]
        assert finding["verdict"] == "reproduced"
        assert (failure["kind"], failure["type"]) == ("crash", name)
        run.says(f"the process died of {name}: Assertion failed: check () (msg.cpp:394)")
        if name != "SIGKILL":  # which leaves no stack, only the last operation
            assert failure["where"] in ("test_it.py:19", "crash:1")
            run.says("test_it.py:19 in crash")
    run.says("--racecheck-isolate", "Captured stderr call")
    assert who == "body" or "SIGSEGV in main/1 (crash) at" in run.out


def test_a_crash_in_few_schedules_is_found_told_and_replayed(suite, monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")
    suite.write(f"""
{ISOLATED.replace("60", "400")}
def test_it():
    box = {{"open": True}}
    def close():
        box["open"] = False
    def use():
        if box["open"]:
            if not box["open"]:
                os.abort()
    together(close, use)
""")
    run = suite.apart()
    finding = run.finding
    assert finding["replays"] == [3, 3]
    assert finding["preemptions"] == 1
    assert finding["first_failure"] == finding["executions"] > 1
    run.says("1 close", "2 use", "write dict `box`['open'] False", "read dict `box`['open'] False")


def test_a_crash_that_does_not_come_again_is_inconclusive_and_fails(suite):
    suite.write(f"""
{ISOLATED}
def test_it():
    together(print)
    if not os.path.exists("crashed"):
        open("crashed", "w").close()
        os.abort()
""")
    run = suite.apart()
    run.outcomes(failed=1)
    assert run.finding["verdict"] == "inconclusive"
    assert run.finding["replays"] == [0, 3]
    run.says("failed once, but only 0 of 3 replays agree (one replay did not die)")


def test_a_crash_without_isolation_ends_the_process_as_ever(suite):
    suite.write("@quick\ndef test_it(): together(os.abort)\n")
    run = suite.apart()
    assert run.status in (-signal.SIGABRT, 128 + signal.SIGABRT)
    run.says("Fatal Python error: Aborted")


# --- fork --------------------------------------------------------------------------------------


def test_a_fork_is_named_and_the_verdict_says_no_more(suite):
    suite.write("""
@quick
def test_it():
    together(lambda: None)
    pid = os.fork()
    if pid == 0:
        with threading.Lock(): time.sleep(0.001)
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
def test_after(): pass
""")
    run = suite.apart("-Wignore::DeprecationWarning")
    run.outcomes(passed=2)
    assert run.finding["verdict"] == "inconclusive"
    run.says("the body forked a process at test_it.py:15, and what that does is not under control")


@pytest.mark.parametrize("where", ["body", "task"])
def test_a_forked_child_that_forgets_to_end_does_not_run_the_rest_of_the_suite(suite, where):
    call = "fork()" if where == "body" else "together(fork)"
    suite.write(f"""
@pytest.fixture
def folder(tmp_path):
    yield tmp_path
    with open("torn-down", "a") as file: file.write(f"{{os.getpid()}}\\n")
@pytest.mark.racecheck(points="sync", executions=5, patience_s=0.3)
def test_it(folder):
    parent = os.getpid()
    def fork():
        pid = os.fork()
        if pid: os.waitpid(pid, 0)
    {call}
    if os.getpid() != parent: return
def test_after():
    with open("ran", "a") as file: file.write("x")
""")
    run = suite.apart("-Wignore::DeprecationWarning")
    run.outcomes(passed=2)
    assert run.out.count("test session starts") == 1
    assert (suite.path / "ran").read_text() == "x"
    assert len(set((suite.path / "torn-down").read_text().split())) == 1


def test_multiprocessing_works_in_a_body(suite):
    suite.write("""
import multiprocessing
def double(n): return 2 * n
@pytest.mark.racecheck(points="sync", executions=3, seconds=30, patience_s=5)
def test_it():
    together(print)
    for method in ("fork", "spawn"):
        context = multiprocessing.get_context(method)
        process = context.Process(target=print)
        process.start(); process.join()
        assert process.exitcode == 0
""")
    run = suite.apart("-Wignore::DeprecationWarning")
    run.outcomes(passed=1)


def test_a_process_that_a_child_process_leaves_is_killed_with_it(suite):
    suite.write(f"""
{ISOLATED}
def test_it():
    together(print)
    if os.fork() == 0:
        while True: time.sleep(100)
""")
    run = suite.apart("-Wignore::DeprecationWarning")  # apart() looks for what is left
    run.outcomes(passed=1)
    assert run.finding["verdict"] == "inconclusive"


# --- signals -----------------------------------------------------------------------------------

SEARCH = """
@pytest.mark.racecheck(
    seconds=300, executions=10**9, strategy="random", patience_s={patience}{more}
)
def test_search():
    lock, total = threading.Lock(), [0]
    def add():
        with lock: total[0] += 1
    open("begun", "w").close()
    together(add, add, add)
def test_after(): open("after", "w").close()
"""
BLOCKED = """
@pytest.mark.racecheck(patience_s={patience}{more})
def test_blocked():
    mine, other = socket.socketpair()
    open("begun", "w").close()
    {call}
def test_after(): open("after", "w").close()
"""


def interrupt(suite, number: int, delay_s: float = 0.0) -> subprocess.CompletedProcess[str]:
    """Start the suite, wait until its test has begun, send the signal, wait for the end."""
    begun = suite.path / "begun"
    begun.unlink(missing_ok=True)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-p",
        "pytest_racecheck.plugin",
    ]
    process = subprocess.Popen(
        command, cwd=suite.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        for _ in range(6000):
            if begun.exists() or process.poll() is not None:
                break
            time.sleep(0.01)
        time.sleep(delay_s)  # only to vary where it strikes; nothing waits for anything here
        process.send_signal(number)
        out, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    left = suite.kill_what_is_left()
    assert not left, f"processes were left: {left}\n{out}"
    return subprocess.CompletedProcess(command, process.returncode, out)


@pytest.mark.parametrize("more", ["", ", isolate=True"], ids=["here", "isolated"])
def test_ctrl_c_while_exploring_ends_the_session_with_status_two(suite, more):
    suite.write(SEARCH.format(patience=30, more=more))
    done = interrupt(suite, signal.SIGINT)
    assert done.returncode == 2, done.stdout
    assert "KeyboardInterrupt" in done.stdout
    assert "test_it.py" in done.stdout
    assert "INTERNALERROR" not in done.stdout
    assert not (suite.path / "after").exists()


@pytest.mark.slow
def test_ctrl_c_at_any_moment_ends_the_session(suite):
    suite.write(SEARCH.format(patience=30, more=""))
    for n in range(25):
        done = interrupt(suite, signal.SIGINT, n * 0.017)
        assert done.returncode == 2, done.stdout


@pytest.mark.parametrize(
    "call",
    [
        "mine.recv(1)",
        "together(lambda: mine.recv(1))",
        "together(lambda: exec('while True: pass'))",
    ],
    ids=["native body", "native task", "endless task"],
)
def test_ctrl_c_ends_the_session_while_a_task_is_stuck(suite, call):
    suite.write(BLOCKED.format(patience=30, more=', points="sync"', call=call))
    done = interrupt(suite, signal.SIGINT)
    assert done.returncode == 2, done.stdout


@pytest.mark.parametrize("more", ["", ", isolate=True"], ids=["here", "isolated"])
def test_sigterm_while_exploring_still_gives_a_report(suite, more):
    suite.write(
        "def test_before(): assert 0, 'an earlier failure'\n"
        + SEARCH.format(patience=30, more=more)
    )
    done = interrupt(suite, signal.SIGTERM)
    assert done.returncode == 128 + signal.SIGTERM, done.stdout
    assert "an earlier failure" in done.stdout
    assert "SIGTERM came while a test was explored" in done.stdout
    assert "1 failed" in done.stdout


def test_sigkill_of_pytest_takes_the_child_process_with_it(suite):
    suite.write(SEARCH.format(patience=30, more=", isolate=True"))
    begun = suite.path / "begun"
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "pytest_racecheck.plugin"],
        cwd=suite.path,
        stdout=subprocess.DEVNULL,
    )
    while not begun.exists() and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert suite.kill_what_is_left() == []


def test_a_body_may_send_itself_signals(suite):
    suite.write("""
@coarse
def test_it():
    heard = []
    before = signal.signal(signal.SIGUSR1, lambda *_: heard.append(1))
    together(lambda: None)
    os.kill(os.getpid(), signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, before)
    assert heard == [1]
@coarse
def test_interrupts_itself():
    together(lambda: None)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)
        while True: len("")
def test_after(): pass
""")
    suite.apart().outcomes(passed=3)


def test_a_body_that_ignores_signals_can_still_be_ended(suite):
    suite.write("""
@quick
def test_it():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    mine, other = socket.socketpair()
    mine.recv(1)
def test_after(): pass
""")
    run = suite.apart()
    run.outcomes(failed=1, passed=1)
    assert run.finding["failure"]["kind"] == "hang"
