"""One call in a child process: every way it can end, and that nothing stays behind."""

import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from pytest_racecheck.free import Ending, ForkServer, Interrupted, Request

BODIES = """
import ctypes, os, signal, subprocess, sys, threading

def answer(number): return {"double": 2 * number}

def assert_false(): assert 1 == 2, "one is not two"

def fail_in_thread():
    def work(): raise ValueError("from the thread")
    thread = threading.Thread(target=work, name="worker"); thread.start(); thread.join()

def wait_for_ever(): threading.Event().wait()

def ignore_sigterm():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Event().wait()

def thread_left_over():
    threading.Thread(target=threading.Event().wait, name="forgotten").start()

def daemon_left_over():
    threading.Thread(target=threading.Event().wait, name="background", daemon=True).start()

def abort():
    os.write(2, b"Assertion failed: check () (msg.cpp:414)\\n"); os.abort()

def segfault(): ctypes.string_at(0)

def leave(status): os._exit(status)

def print_much():
    for _ in range(300): sys.stdout.write("x" * 10_000 + "\\n")
    sys.stdout.buffer.write(b"\\xff end")

def print_for_ever():
    while True: print("x" * 1000)

def fork_and_return():
    return "child" if os.fork() == 0 else os.wait() and "parent"

def close_everything(): os.closerange(3, 200)

def no_json(): return {1, 2}

def broken_text():
    class Odd(Exception):
        def __str__(self): raise RuntimeError("no text")
    raise Odd

def descendants(how):
    sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
    if how == "same session": print(subprocess.Popen(sleeper).pid)
    elif os.fork() == 0:
        os.setsid()
        print(subprocess.Popen(sleeper, start_new_session=True).pid, flush=True)
        os._exit(0)
    else: os.wait()

def descendants_and_hang(how): descendants(how); sys.stdout.flush(); wait_for_ever()
"""


@pytest.fixture(name="server")
def _server(tmp_path):
    (tmp_path / "bodies.py").write_text(textwrap.dedent(BODIES))
    with ForkServer(path=[str(tmp_path)]) as server:
        yield server


def run(server, call, deadline_s=30.0, **arguments):
    return server.run(Request(f"bodies:{call}", arguments, deadline_s))


def is_alive(pid):
    """Zombies count as gone: whoever adopted them is late, not they."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_value_comes_back(server):
    outcome = run(server, "answer", number=21)
    assert outcome.ending is Ending.OK
    assert outcome.value == {"double": 42}
    assert outcome.left_over == ()


def test_one_server_serves_many_runs_each_in_its_own_process(server):
    pids = {run(server, "descendants", how="same session").stdout for _ in range(3)}
    assert len(pids) == 3


def test_an_assertion_is_a_failure_with_type_text_place_and_task(server):
    outcome = run(server, "assert_false")
    assert outcome.ending is Ending.FAILURE
    failure = outcome.failure
    assert (failure.type, failure.message) == ("AssertionError", "one is not two")
    assert failure.where == "bodies.py:6"
    assert failure.task == "MainThread"


def test_an_exception_in_another_thread_is_a_failure_too(server):
    failure = run(server, "fail_in_thread").failure
    assert (failure.type, failure.task, failure.where) == ("ValueError", "worker", "bodies.py:9")


def test_an_exception_whose_text_cannot_be_made_is_still_a_failure(server):
    assert run(server, "broken_text").failure.type == "Odd"


def test_a_hang_is_told_with_stacks(server):
    outcome = run(server, "wait_for_ever", deadline_s=0.3)
    assert outcome.ending is Ending.HANG
    assert "in wait_for_ever" in outcome.stacks


def test_a_hang_that_ignores_sigterm_is_killed(server):
    outcome = run(server, "ignore_sigterm", deadline_s=0.3)
    assert outcome.ending is Ending.HANG
    assert run(server, "answer", number=1).ending is Ending.OK


def test_a_body_that_prints_for_ever_is_a_hang_and_does_not_hold_up_its_end(server):
    outcome = run(server, "print_for_ever", deadline_s=1.0)
    assert outcome.ending is Ending.HANG
    assert "in print_for_ever" in outcome.stacks


def test_a_thread_that_never_ends_is_a_hang_and_not_a_pass(server):
    assert run(server, "thread_left_over", deadline_s=0.3).ending is Ending.HANG


def test_a_daemon_thread_left_over_is_named(server):
    outcome = run(server, "daemon_left_over")
    assert (outcome.ending, outcome.left_over) == (Ending.OK, ("background",))


def test_an_abort_is_a_crash_with_signal_assertion_text_and_stack(server):
    outcome = run(server, "abort")
    assert (outcome.ending, outcome.signal) == (Ending.CRASH, "SIGABRT")
    assert "check () (msg.cpp:414)" in outcome.stderr
    assert "in abort" in outcome.stacks
    assert "SIGABRT: Assertion failed: check () (msg.cpp:414)" in outcome.describe()


def test_a_segmentation_fault_is_a_crash(server):
    assert run(server, "segfault").signal == "SIGSEGV"


def test_a_body_that_forks_gives_one_result(server):
    outcome = run(server, "fork_and_return")
    assert (outcome.ending, outcome.value) == (Ending.OK, "parent")


@pytest.mark.parametrize("call", ["close_everything", "no_json"])
def test_a_result_that_cannot_be_given_is_a_crash_and_not_a_pass(server, call):
    outcome = run(server, call)
    assert (outcome.ending, outcome.exit_status) == (Ending.CRASH, 70)
    assert "Error" in outcome.stderr
    assert run(server, "answer", number=1).ending is Ending.OK


@pytest.mark.parametrize("status", [0, 3])
def test_leaving_without_a_result_is_a_crash_and_not_a_pass(server, status):
    outcome = run(server, "leave", status=status)
    assert (outcome.ending, outcome.exit_status) == (Ending.CRASH, status)


def test_a_call_that_does_not_exist_is_a_failure_that_says_so(server):
    assert run(server, "nowhere").failure.type == "AttributeError"


def test_much_output_is_capped_and_odd_bytes_are_replaced(server):
    outcome = run(server, "print_much")
    assert outcome.ending is Ending.OK
    assert len(outcome.stdout) < 140_000
    assert "bytes left out" in outcome.stdout
    assert outcome.stdout.endswith("\ufffd end")


@pytest.mark.parametrize("call", ["descendants", "descendants_and_hang"])
@pytest.mark.parametrize("how", ["same session", "own session"])
def test_no_descendant_outlives_its_run(server, call, how):
    outcome = run(server, call, deadline_s=2.0, how=how)
    pid = int(outcome.stdout)
    assert not is_alive(pid)


def test_an_interrupted_run_ends_at_once_and_leaves_nothing(server):
    run(server, "answer", number=1)
    server_pid = server._process.pid
    timer = threading.Timer(0.2, server.interrupt)
    timer.start()
    with pytest.raises(Interrupted):
        run(server, "wait_for_ever", deadline_s=600.0)
    timer.join()
    server.close()
    assert not is_alive(server_pid)
    with pytest.raises(Interrupted):
        run(server, "answer", number=1)


KILLED_PARENT = """
import os, sys, threading
sys.path[:0] = {path!r}
from pytest_racecheck.free import ForkServer, Request
server = ForkServer(path=[{folder!r}])
server.run(Request("bodies:answer", dict(number=1)))
print(server._process.pid, flush=True)
server.run(Request("bodies:descendants_and_hang_to", dict(file={file!r}), 600.0))
"""


def test_nothing_is_left_when_the_parent_is_killed(tmp_path):
    report = tmp_path / "pids"
    os.mkfifo(report)
    extra = (
        "def descendants_and_hang_to(file):\n"
        "    import subprocess, sys, os, threading\n"
        "    sleeper = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
        "    with open(file, 'w') as out: out.write(f'{os.getpid()} {sleeper.pid}')\n"
        "    threading.Event().wait()\n"
    )
    (tmp_path / "bodies.py").write_text(BODIES + extra)
    text = KILLED_PARENT.format(path=sys.path, folder=str(tmp_path), file=str(report))
    parent = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)
    server_pid = int(parent.stdout.readline())
    pids = [server_pid, *map(int, report.read_text().split())]
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = threading.Event()
    for _ in range(200):
        if not any(map(is_alive, pids)):
            break
        deadline.wait(0.05)
    assert [pid for pid in pids if is_alive(pid)] == []


def test_preloaded_modules_are_there_before_the_run(tmp_path):
    (tmp_path / "bodies.py").write_text(
        "import sys\ndef loaded(name): return name in sys.modules\n"
    )
    with ForkServer(path=[str(tmp_path)], preload=["wave", "no_such_module_at_all"]) as server:
        assert run(server, "loaded", name="wave").value is True
        assert run(server, "loaded", name="chunk_of_nothing").value is False
