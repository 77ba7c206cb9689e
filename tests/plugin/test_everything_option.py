"""``--racecheck`` on an ordinary suite: the same verdicts for correct tests, races found."""

from __future__ import annotations

import pytest

# Thirty-odd tests as people write them: most know nothing of threads.
PLAIN = """
import collections, concurrent.futures, contextlib, functools, io, json, logging, random, subprocess
import tempfile, unittest, weakref

def test_arithmetic(): assert 1 + 1 == 2
def test_strings(): assert "a,b".split(",") == ["a", "b"]
def test_raises():
    with pytest.raises(ZeroDivisionError): 1 / 0
def test_json(): assert json.loads(json.dumps({"a": [1, 2]})) == {"a": [1, 2]}
def test_files(tmp_path):
    (tmp_path / "a").write_text("x")
    assert (tmp_path / "a").read_text() == "x"
def test_temporary_file():
    with tempfile.TemporaryFile() as file:
        file.write(b"x"); file.seek(0); assert file.read() == b"x"
def test_capsys(capsys):
    print("hi"); assert capsys.readouterr().out == "hi\\n"
def test_caplog(caplog):
    logging.warning("hi"); assert caplog.messages == ["hi"]
def test_monkeypatch(monkeypatch):
    monkeypatch.setenv("X", "1"); assert os.environ["X"] == "1"
def test_environment_is_clean(): assert "X" not in os.environ
@pytest.mark.parametrize("n", [1, 2, 3])
def test_parameter(n): assert n in (1, 2, 3)
@pytest.fixture
def counter(): return collections.Counter("abca")
def test_fixture(counter): assert counter["a"] == 2
@pytest.fixture(scope="module")
def shared(): return {"calls": 0}
def test_module_state(shared): shared["calls"] += 1
def test_module_state_again(shared): assert shared["calls"] >= 1
def test_skip(): pytest.skip("no")
@pytest.mark.xfail(strict=True)
def test_xfail(): assert 0
def test_sleep():
    began = time.monotonic(); time.sleep(0.01); assert time.monotonic() - began >= 0.01
def test_clock_moves():
    first = time.time(); assert time.time() >= first
def test_date():
    import datetime
    assert datetime.datetime.now().year >= 2024
def test_random(): assert 0 <= random.random() < 1
def test_subprocess():
    assert subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True).stdout == b"1\\n"
def test_slow_subprocess():
    subprocess.run([sys.executable, "-c", "import time; time.sleep(1.5)"], check=True)
def test_socket():
    one, other = socket.socketpair()
    with one, other:
        one.send(b"x"); assert other.recv(1) == b"x"
def test_generator(): assert sum(n for n in range(4)) == 6
def test_cache():
    @functools.cache
    def square(n): return n * n
    assert square(3) == square(3) == 9
def test_weakref():
    class Thing: pass
    thing = Thing(); ref = weakref.ref(thing); del thing; assert ref() is None
class TestClass:
    def setup_method(self): self.box = []
    def test_one(self): self.box.append(1); assert self.box == [1]
    def test_two(self): assert self.box == []
class TestOld(unittest.TestCase):
    def setUp(self): self.box = []
    def test_it(self): self.assertEqual(self.box, [])
"""
THREADED = """
def test_lock():
    lock, total = threading.Lock(), [0]
    def add():
        with lock: total[0] += 1
    together(add, add)
    assert total == [2]
def test_queue():
    jobs, done = queue.Queue(), []
    worker = threading.Thread(target=lambda: [done.append(jobs.get()) for _ in range(3)])
    worker.start()
    for n in range(3): jobs.put(n)
    worker.join()
    assert done == [0, 1, 2]
def test_executor():
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda n: n * n, range(4))) == [0, 1, 4, 9]
def test_event():
    ready, seen = threading.Event(), []
    def wait(): ready.wait(); seen.append(1)
    waiter = threading.Thread(target=wait); waiter.start()
    ready.set(); waiter.join(timeout=30)
    assert seen == [1]
def test_condition():
    condition, items = threading.Condition(), []
    def take():
        with condition:
            condition.wait_for(lambda: items, timeout=60)
            assert items.pop() == 1
    taker = threading.Thread(target=take); taker.start()
    with condition:
        items.append(1); condition.notify()
    taker.join()
def test_barrier():
    barrier, seen = threading.Barrier(2), []
    def meet(): barrier.wait(); seen.append(1)
    together(meet, meet)
    assert len(seen) == 2
def test_timer():
    seen = []
    timer = threading.Timer(0.05, seen.append, (1,)); timer.start(); timer.join()
    assert seen == [1]
def test_local():
    store, seen = threading.local(), []
    def use(n): store.n = n; seen.append(store.n == n)
    together(lambda: use(1), lambda: use(2))
    assert seen == [True, True]
def test_asyncio():
    import asyncio
    async def main():
        await asyncio.sleep(0.001)
        return await asyncio.to_thread(lambda: 5)
    assert asyncio.run(main()) == 5
def test_daemon():
    threading.Thread(target=threading.Event().wait, daemon=True).start()
"""
RACY = """
class Account:
    def __init__(self): self.balance = 0
    def deposit(self, n): self.balance = self.balance + n
def test_racy_deposit():
    account = Account()
    together(lambda: account.deposit(1), lambda: account.deposit(2))
    assert account.balance == 3
def test_racy_check_then_act():
    store = {}
    def make():
        if "key" not in store:
            time.sleep(0)
            assert "key" not in store, "made twice"
            store["key"] = object()
    together(make, make)
def test_racy_deadlock():
    a, b = threading.Lock(), threading.Lock()
    def one():
        with a:
            with b: pass
    def other():
        with b:
            with a: pass
    together(one, other)
"""
QUICKLY = ("--racecheck-executions=150", "--racecheck-seconds=20")


def outcomes(suite, *args: str) -> dict[str, str]:
    run = suite.apart("-v", "--tb=no", *args)
    return {
        line.split("::", 1)[1].split(" ")[0]: line.split(" ")[1]
        for line in run.out.splitlines()
        if line.startswith("test_it.py::") and " " in line  # not a heading among the warnings
    }


@pytest.mark.slow
def test_correct_tests_have_the_verdicts_of_plain_pytest(suite):
    suite.write(PLAIN + THREADED)
    plain = outcomes(suite)
    assert len(plain) > 40
    assert set(plain.values()) == {"PASSED", "SKIPPED", "XFAIL"}
    assert outcomes(suite, "--racecheck", *QUICKLY) == plain


@pytest.mark.slow
def test_racy_tests_that_pass_plainly_are_found(suite):
    suite.write(PLAIN + THREADED + RACY)
    assert [name for name, word in outcomes(suite).items() if word == "FAILED"] == []
    found = outcomes(suite, "--racecheck", *QUICKLY)
    assert [name for name, word in found.items() if word == "FAILED"] == [
        "test_racy_deposit",
        "test_racy_check_then_act",
        "test_racy_deadlock",
    ]


@pytest.mark.slow
def test_correct_tests_pass_also_in_child_processes_and_in_workers(suite):
    pytest.importorskip("xdist")
    # what a test does to its own process is lost on the others, if it runs in a child
    suite.write(PLAIN.replace("assert shared[", "shared[") + THREADED)
    plain = outcomes(suite)
    isolated = outcomes(suite, "--racecheck", "--racecheck-isolate", *QUICKLY)
    assert isolated == plain
    run = suite.apart("-p", "xdist", "-n2", "--racecheck", *QUICKLY)
    assert run.status == 0


def test_a_few_of_each_kind(suite):
    some = THREADED[: THREADED.index("def test_event")] + RACY[: RACY.index("def test_racy_check")]
    suite.write("import concurrent.futures\ndef test_plain(): pass\n" + some)
    run = suite.here("--racecheck", *QUICKLY)
    run.outcomes(passed=4, failed=1)
    assert run.findings["test_racy_deposit"]["verdict"] == "reproduced"
    run.says("1 reproduced", "1 started no thread")


def test_a_slow_test_without_threads_is_slow_and_not_a_hang(suite):
    suite.write("""
@pytest.mark.racecheck(patience_s=0.2)
def test_slow():
    import subprocess
    subprocess.run([sys.executable, "-c", "import time; time.sleep(0.5)"], check=True)
""")
    run = suite.apart()
    run.outcomes(passed=1)
    run.says("control was lost: main did not come back within 0.2 s; it is at test_it.py:15")


def test_marked_tests_keep_their_marker(suite):
    suite.write("""
@pytest.mark.racecheck(strategy="random", executions=7)
def test_marked(): together(print)
def test_other(): together(print)
""")
    run = suite.here("--racecheck")
    assert run.findings["test_marked"]["executions"] == 7
    assert run.findings["test_other"]["strategy"] == "portfolio"


def test_a_test_that_nobody_marked_gets_more_patience(suite):
    suite.write("""
@pytest.mark.racecheck
def test_marked(request): assert request.node.racecheck_plan.patience_s == 2.0
def test_other(request): assert request.node.racecheck_plan.patience_s == 5.0
""")
    suite.here("--racecheck").outcomes(passed=2)
