"""Bodies that do not come back, do not end, or end oddly: named with task, place and what to do."""

from __future__ import annotations

import subprocess
import sys

import pytest

AFTER = "\ndef test_after(): pass\n"
LIBC = "\nimport ctypes\nlibc = ctypes.CDLL(None); ENDS = socket.socketpair()\n"
SYNC = '@pytest.mark.racecheck(points="sync", patience_s=0.3, seconds=5)\n'


def named(run, *, task: str, where: str, kind: str = "hang") -> None:
    """The failure says who, where, and what to do; the session went on to its end."""
    run.outcomes(failed=1, passed=1)
    assert run.status == 1
    failure = run.finding["failure"]
    assert (failure["kind"], failure["where"]) == (kind, where)
    assert run.finding["verdict"] == "inconclusive"
    assert run.finding["schedule"] is None
    run.says(f"{task} did not come back within 0.3 s; it is at {where}")
    run.says("never came back; give the operation a time-out, or explore with isolate=True")


# --- lost control ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "stack"),
    [
        ("while True: pass", "while True: pass"),
        ("ENDS[0].recv(1)", "ENDS[0].recv(1)"),
        pytest.param(
            "os.read(os.pipe()[0], 1)", "os.read(os.pipe()[0], 1)", marks=pytest.mark.slow
        ),
        pytest.param("libc.sleep(1000)", "libc.sleep(1000)", marks=pytest.mark.slow),
    ],
    ids=["endless loop", "socket", "pipe", "libc"],
)
@pytest.mark.parametrize("who", ["body", "task"])
def test_a_task_that_does_not_come_back_is_named_with_its_stack(suite, call, stack, who):
    text = LIBC + SYNC + "def test_it():\n"
    if who == "body":
        suite.write(f"{text}    together(lambda: None)\n    {call}\n{AFTER}")
        run = suite.apart("-Wignore::ResourceWarning")
        named(run, task="main", where="test_it.py:17")
        run.says(f"test_it.py:17 in test_it: {stack}")
    else:
        suite.write(f"{text}    def stuck():\n        {call}\n    together(stuck)\n{AFTER}")
        run = suite.apart("-Wignore::ResourceWarning")
        named(run, task="main/0 (stuck)", where="test_it.py:17")
        run.says(f"test_it.py:17 in stuck: {stack}")


@pytest.mark.slow
def test_a_native_lock_in_a_task_is_named(suite):
    suite.write(f"""{LIBC}{SYNC}
def test_it():
    mutex = ctypes.create_string_buffer(64)
    libc.pthread_mutex_lock(mutex)
    def take():
        libc.pthread_mutex_lock(mutex)
    together(take)
{AFTER}""")
    named(suite.apart(), task="main/0 (take)", where="test_it.py:20")


@pytest.mark.slow
def test_a_native_lock_in_the_body_ends_the_process_with_last_words(suite):
    suite.write(f"""{LIBC}{SYNC}
def test_it():
    mutex = ctypes.create_string_buffer(64)
    libc.pthread_mutex_lock(mutex)
    libc.pthread_mutex_lock(mutex)
{AFTER}""")
    run = suite.apart()
    assert run.status == 70
    run.says(
        "racecheck: test_it.py::test_it: native code holds the test body for ever, at",
        "test_it.py:19 in test_it: libc.pthread_mutex_lock(mutex)",
        "explore this test with isolate=True, which survives it",
    )


@pytest.mark.parametrize(
    ("call", "says"),
    [
        pytest.param(
            "libc.pthread_mutex_lock(mutex)",
            "native code held the test body for ever",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "ctypes.PyDLL(None).sleep(1000)",
            "native code kept the interpreter lock for 1.3 s",
            marks=pytest.mark.slow,
        ),
        ("together(lambda: ctypes.PyDLL(None).sleep(1000))", "so that no other thread could run"),
    ],
    ids=["native lock", "interpreter lock", "interpreter lock in a task"],
)
def test_a_child_process_survives_what_the_test_process_cannot(suite, call, says):
    mark = SYNC.replace("seconds=5", "seconds=5, isolate=True, replays=2")
    suite.write(f"""{LIBC}{mark}
def test_it():
    mutex = ctypes.create_string_buffer(64)
    libc.pthread_mutex_lock(mutex)
    {call}
{AFTER}""")
    run = suite.apart()
    run.outcomes(failed=1, passed=1)
    assert run.finding["verdict"] == "reproduced"
    assert run.finding["replays"] == [2, 2]
    assert (run.finding["failure"]["kind"], run.finding["failure"]["where"]) == (
        "hang",
        "test_it.py:19",
    )
    run.says(says, "--racecheck-isolate")


def test_a_task_that_comes_back_late_is_a_warning(suite):
    suite.write(f"""{LIBC}{SYNC}
def test_it():
    together(lambda: libc.usleep(600_000))
{AFTER}""")
    run = suite.apart()
    run.outcomes(passed=2)
    assert run.finding["verdict"] == "inconclusive"
    run.says("control was lost: main/0 (<lambda>) did not come back within 0.3 s")


@pytest.mark.slow
def test_strict_makes_lost_control_an_error(suite):
    suite.write(f"{LIBC}{SYNC}def test_it(): together(lambda: libc.usleep(600_000))\n")
    suite.configure(racecheck_strict="true")
    run = suite.apart()
    run.outcomes(failed=1)
    run.says("racecheck (strict): control was lost")


@pytest.mark.slow
def test_the_others_go_on_while_one_is_lost(suite):
    suite.write(f"""{LIBC}{SYNC}
def test_it():
    seen = []
    together(lambda: libc.usleep(600_000), lambda: seen.append(1))
    assert seen == [1]
""")
    suite.apart().outcomes(passed=1)


def test_an_endless_loop_with_scheduling_points_is_a_livelock(suite):
    suite.write("""
@pytest.mark.racecheck(max_steps=500)
def test_it():
    box = [False]
    def spin():
        while not box[0]: pass
    together(spin)
""")
    run = suite.apart()
    run.outcomes(failed=1)
    assert (run.finding["verdict"], run.finding["failure"]["kind"]) == ("reproduced", "livelock")
    run.says("the same state came back after", "main/0 (spin) at test_it.py:16")


# --- threads that do not end ---------------------------------------------------------------------


def test_a_thread_that_never_ends_is_a_deadlock_and_not_a_hang_at_exit(suite):
    suite.write(f"""
@quick
def test_it():
    threading.Thread(target=threading.Event().wait, name="waiter").start()
{AFTER}""")
    run = suite.apart()
    run.outcomes(failed=1, passed=1)
    assert run.finding["failure"]["kind"] == "deadlock"
    run.says("main/0 (waiter)", "waits in Event.wait of")


def test_daemon_threads_left_over_are_counted_and_gone(suite):
    suite.write("""
@quick
def test_it():
    for n in range(3):
        threading.Thread(target=threading.Event().wait, daemon=True, name=f"daemon {n}").start()
def test_after():
    assert [thread.name for thread in threading.enumerate()] == ["MainThread"]
""")
    run = suite.apart()
    run.outcomes(passed=2)
    for n in range(3):
        run.says(f"warning: daemon {n} (daemon), started at test_it.py:15, was still there")


@pytest.mark.slow
def test_a_daemon_in_an_endless_native_call_is_named_and_left(suite):
    suite.write(f"""{LIBC}{SYNC}
def test_it():
    threading.Thread(target=libc.sleep, args=(1000,), daemon=True, name="sleeper").start()
    together(lambda: None)
{AFTER}""")
    run = suite.apart()
    assert run.finding["verdict"] == "inconclusive"
    run.says("main/0 (sleeper) did not come back within 0.3 s")


def test_a_leftover_executor_is_no_failure(suite):
    suite.write("""
import concurrent.futures
@quick
def test_left_open():
    pool = concurrent.futures.ThreadPoolExecutor(2)
    assert pool.submit(pow, 2, 3).result() == 8
POOL = concurrent.futures.ThreadPoolExecutor(2)
@quick
def test_of_the_module():
    assert POOL.submit(pow, 2, 3).result() == 8
def test_after():
    assert POOL.submit(pow, 2, 3).result() == 8
    POOL.shutdown()
""")
    run = suite.apart()
    run.outcomes(passed=3)
    assert {finding["failure"] is None for finding in run.findings.values()} == {True}


def test_a_timer_that_was_not_cancelled_fires_in_virtual_time(suite):
    suite.write("""
@coarse
def test_it():
    threading.Timer(3600, lambda: None).start()
""")
    suite.apart().outcomes(passed=1)


def test_two_hundred_threads(suite):
    suite.write("""
@pytest.mark.racecheck(executions=20, points="sync", seconds=60, patience_s=10)
def test_it():
    box, lock = [], threading.Lock()
    def add(n):
        with lock: box.append(n)
    threads = [threading.Thread(target=add, args=(n,)) for n in range(200)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert sorted(box) == list(range(200))
def test_after():
    assert threading.active_count() == 1
""")
    run = suite.apart()
    run.outcomes(passed=2)
    run.says("of 201 tasks")


@pytest.mark.parametrize("isolate", [False, True])
def test_a_thread_that_cannot_start_raises_what_python_raises(suite, isolate):
    suite.write(f"""
import resource
@pytest.mark.racecheck(executions=3, points="sync", patience_s=0.3, isolate={isolate})
def test_it():
    # the address space is what a thread needs most of
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    before = threading.stack_size(512 * 1024 * 1024)
    resource.setrlimit(resource.RLIMIT_AS, (used + 200_000_000, hard))
    try:
        threading.Thread(target=print).start()
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        threading.stack_size(before)
{AFTER}""")
    run = suite.apart()
    run.outcomes(failed=1, passed=1)
    run.says("RuntimeError: no further OS thread can be started")


# --- odd ends ----------------------------------------------------------------------------------


def test_a_recursion_without_end_is_a_failure_in_body_and_task(suite):
    suite.write(f"""
def down(n): return down(n + 1)
@quick
def test_task(): together(lambda: down(0))
@quick
def test_body():
    together(lambda: None)
    down(0)
{AFTER}""")
    run = suite.apart()
    run.outcomes(failed=2, passed=1)
    for finding in run.findings.values():
        assert finding["failure"]["type"] == "RecursionError"
        assert finding["verdict"] == "reproduced"


def test_memory_that_is_not_there_is_a_failure(suite):
    suite.write(f"""
@quick
def test_it(): together(lambda: bytearray(1 << 60))
{AFTER}""")
    run = suite.apart()
    run.outcomes(failed=1, passed=1)
    assert run.finding["failure"]["type"] == "MemoryError"


@pytest.mark.parametrize("who", ["body", pytest.param("task", marks=pytest.mark.slow)])
def test_a_loop_that_swallows_every_exception_is_left_all_the_same(suite, who):
    loop = "while True:\n            try: event.wait()\n            except BaseException: pass"
    call = "loop()" if who == "body" else "together(loop)"
    suite.write(f"""
@quick
def test_it():
    event = threading.Event()
    def loop():
        {loop}
    together(lambda: None)
    {call}
{AFTER}""")
    run = suite.apart()
    run.outcomes(failed=1, passed=1)
    assert run.finding["failure"]["kind"] == "deadlock"
    assert run.finding["verdict"] == "reproduced"


def test_a_busy_loop_that_swallows_every_exception_is_left_all_the_same(suite):
    suite.write(f"""{SYNC}
def test_it():
    together(lambda: None)
    while True:
        try:
            while True: pass
        except BaseException:
            pass
{AFTER}""")
    run = suite.apart()
    named(run, task="main", where="test_it.py:17")


def test_a_finally_that_blocks_again_is_left_too(suite):
    suite.write(f"""
@quick
def test_it():
    event, lock = threading.Event(), threading.Lock()
    lock.acquire()
    def stuck():
        try: event.wait()
        finally:
            try: lock.acquire()
            finally: event.wait()
    together(stuck)
{AFTER}""")
    run = suite.apart()
    run.outcomes(failed=1, passed=1)
    assert run.finding["failure"]["kind"] == "deadlock"
    assert run.finding["replays"] == [3, 3]


@pytest.mark.slow
def test_a_finally_that_blocks_natively_is_abandoned_and_named(suite):
    suite.write(f"""{LIBC}
@quick
def test_it():
    def stuck():
        try: threading.Event().wait()
        finally: libc.sleep(1000)
    together(stuck)
{AFTER}""")
    run = suite.apart()
    run.outcomes(failed=1, passed=1)
    run.says("abandoned a task that would not end: main/0 (stuck)", "test_it.py:19 in stuck")


def test_callbacks_of_the_garbage_collector_may_take_locks(suite):
    suite.write(f"""
import gc, weakref
class Node: pass
lock, freed = threading.Lock(), []
def note(n):
    with lock: freed.append(n)
@pytest.mark.racecheck(executions=15, patience_s=0.3)
def test_it():
    freed.clear()
    def make(n):
        one, other = Node(), Node()
        one.other, other.one = other, one
        weakref.finalize(one, note, n)
        del one, other
        gc.collect()
    together(lambda: make(1), lambda: make(2))
    gc.collect()  # one that comes while another collects does nothing
    assert sorted(freed) == [1, 2]
{AFTER}""")
    run = suite.apart("-W", "error")
    run.outcomes(passed=2)


def test_a_deadlock_with_a_finaliser_makes_no_noise(suite):
    suite.write(f"""
import gc, weakref
class Node: pass
lock = threading.Lock()
def note():
    with lock: pass
@quick
def test_it():
    def make():
        node = Node()
        weakref.finalize(node, note)
        with lock:
            del node
    together(make)
{AFTER}""")
    run = suite.apart("-W", "error")
    run.outcomes(failed=1, passed=1)
    assert run.finding["failure"]["kind"] == "deadlock"
    run.says("which main/0 (make) took at test_it.py:22")


def test_the_hooks_of_a_body_are_its_own(suite):
    suite.write("""
@coarse
def test_excepthook():
    seen, before = [], threading.excepthook
    threading.excepthook = lambda args: seen.append(args.exc_type)
    try:
        def fail(): raise ValueError("for the hook")
        together(fail)
    finally:
        threading.excepthook = before
    assert seen == [ValueError]
@coarse
def test_trace():
    calls = []
    threading.settrace(lambda frame, event, arg: calls.append(frame.f_code.co_name))
    try: together(lambda: None)
    finally: threading.settrace(None)
    assert calls
def test_after(): assert threading.gettrace() is None
""")
    suite.apart().outcomes(passed=3)


# --- the world around --------------------------------------------------------------------------


@pytest.mark.parametrize("args", [(), ("--racecheck-isolate",)], ids=["here", "isolated"])
def test_a_read_only_folder_and_no_place_for_temporary_files_are_no_matter(
    suite, monkeypatch, args
):
    target = suite.write("@quick\ndef test_it():\n    together(lambda: None)\n    assert 0\n")
    for name in ("TMPDIR", "HOME", "TEMP", "TMP"):
        monkeypatch.setenv(name, "/proc")
    command = [sys.executable, "-m", "pytest", "-p", "pytest_racecheck.plugin", "--rootdir=/proc"]
    run = subprocess.run(
        [*command, "-p", "no:cacheprovider", *args, str(target)],
        cwd="/proc",  # not even root can write there
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    assert "REPRODUCED  after 1 execution" in run.stdout


def test_a_folder_that_is_gone_is_no_matter(suite):
    suite.write("""
import shutil
@coarse
def test_it(tmp_path):
    os.chdir(tmp_path)
    shutil.rmtree(tmp_path)
    together(lambda: None)
    tmp_path.mkdir()
    os.chdir("/")
def test_after(): pass
""")
    for args in ((), ("--racecheck-isolate",)):
        suite.apart(*args).outcomes(passed=2)


@pytest.mark.parametrize("isolate", [False, True])
def test_a_body_that_closes_everything_is_survived(suite, isolate):
    suite.write(f"""
@pytest.mark.racecheck(patience_s=0.3, isolate={isolate}, executions=3)
def test_it():
    together(lambda: None)
    sys.stdout.close(); sys.stderr.close()
    if {isolate}: os.closerange(3, 256)
def test_after(): pass
""")
    run = suite.apart("--capture=sys" if not isolate else "--capture=fd")
    assert run.status in (0, 1)
    assert "INTERNALERROR" not in run.out + run.err


def test_another_tool_that_patched_the_same_functions_gets_them_back(suite):
    suite.write("""
import functools
calls = []
def spied(function, name):
    @functools.wraps(function)
    def spy(*args, **kwargs):
        calls.append(name)
        return function(*args, **kwargs)
    return spy
threading.Thread.start = spied(threading.Thread.start, "start")
threading.Thread.join = spied(threading.Thread.join, "join")
time.sleep = spied(time.sleep, "sleep")
os._exit = spied(os._exit, "exit")
PATCHED = (threading.Thread.start, threading.Thread.join, time.sleep, os._exit)

@pytest.mark.racecheck(executions=60, patience_s=0.3)
def test_racy():
    box = [0]
    def add(): box[0] += 1
    together(add, add)
    assert box[0] == 2
def test_sleep_is_theirs():
    calls.clear()
    time.sleep(0)
    together(lambda: None)
    assert calls == ["sleep", "start", "join"]
def test_they_are_back():
    assert (threading.Thread.start, threading.Thread.join, time.sleep, os._exit) == PATCHED
""")
    run = suite.apart()
    run.outcomes(failed=1, passed=2)
    assert run.finding["verdict"] == "reproduced"


def test_a_thread_of_the_module_that_is_not_ours_is_said(suite):
    suite.write("""
jobs, done = queue.Queue(), queue.Queue()
def serve():
    while (job := jobs.get()) is not None: done.put(job * 2)
server = threading.Thread(target=serve, daemon=True); server.start()
@pytest.mark.racecheck(points="sync", executions=5, patience_s=0.5)
def test_it():
    together(lambda: jobs.put(4))
    assert done.get(timeout=10) == 8
def test_after():
    jobs.put(None); server.join(10); assert not server.is_alive()
""")
    run = suite.apart()
    run.outcomes(passed=2)
    assert run.finding["verdict"] == "inconclusive"
