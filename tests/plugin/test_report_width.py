"""The report in narrow and wide terminals, in colour and without, with wide characters."""

from __future__ import annotations

import re
import unicodedata

import pytest

CASES = {
    "counter": """
class Counter:
    value = 0
    def add(self):
        self.value += 1

@quick
def test_it():
    counter = Counter()
    together(counter.add, counter.add)
    assert counter.value == 2, "a message that is long enough to be wrapped " * 6
""",
    "deadlock": """
@quick
def test_it():
    first_lock_with_a_long_name, second_lock_with_a_long_name = threading.Lock(), threading.Lock()
    def forwards():
        with first_lock_with_a_long_name:
            with second_lock_with_a_long_name: pass
    def backwards():
        with second_lock_with_a_long_name:
            with first_lock_with_a_long_name: pass
    together(forwards, backwards)
""",
    "many": """
@quick
def test_it():
    box = []
    def append(n): box.append(n)
    names = [f"worker number {n}" for n in range(9)]
    threads = [threading.Thread(target=append, args=(9,), name=name) for name in names]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert box == []
""",
    "lost": """
@quick
def test_it():
    mine, other = socket.socketpair()
    together(lambda: mine.recv(1))
""",
    "wide": """
@quick
def test_it():
    表 = {"値": "日本語" * 20, "n": 0}
    def 足す():
        表["n"] += 1  # 競合するところ、とても長い説明をここに書いておく、さらに長く
    together(足す, 足す)
    assert 表["n"] == 2, "値が違う " * 20
""",
}


def columns(text: str) -> int:
    """How wide a terminal draws it."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


@pytest.mark.parametrize("width", [60, 80, 160])
@pytest.mark.parametrize(
    "case", [pytest.param(n, marks=pytest.mark.slow) if n == "lost" else n for n in CASES]
)
def test_no_line_is_wider_than_the_terminal_except_the_replay_command(
    suite, monkeypatch, case, width
):
    suite.write(CASES[case])
    monkeypatch.setenv("COLUMNS", str(width))
    run = suite.here()
    run.outcomes(failed=1)
    report = run.out.split("racecheck --")[1].split("\n===")[0].split("\n", 1)[1]
    long = [
        line
        for line in (report + "\n" + run.section("racecheck")).splitlines()
        if columns(line) > width and not line.startswith(("replay: ", "test_it.py", "---", "==="))
    ]
    assert long == []
    assert case == "lost" or "replay: " in report


def test_a_wide_terminal_is_used(suite, monkeypatch):
    suite.write(CASES["deadlock"])
    widths = {}
    for width in (80, 160):
        monkeypatch.setenv("COLUMNS", str(width))
        widths[width] = max(map(len, suite.here().out.split("racecheck --")[1].splitlines()[1:9]))
    assert widths[160] > widths[80]


@pytest.mark.parametrize(("variable", "coloured"), [("NO_COLOR", False), ("FORCE_COLOR", True)])
def test_colours_come_from_pytest_alone(suite, monkeypatch, variable, coloured):
    suite.write(CASES["counter"])
    monkeypatch.delenv("PY_COLORS")  # pytester's own
    monkeypatch.setenv(variable, "1")
    run = suite.apart()
    assert ("\x1b[" in run.out) == coloured
    plain = re.sub(r"\x1b\[[0-9;]*m", "", run.out)
    assert "REPRODUCED  after" in plain
    report = run.out.split("racecheck --")[1].split("replay: ")[0].split("\n", 1)[1]
    assert "\x1b[" not in report


def test_an_ascii_terminal_gets_the_whole_report(suite, monkeypatch):
    suite.write(CASES["wide"])
    monkeypatch.setenv("PYTHONIOENCODING", "ascii:backslashreplace")
    monkeypatch.setenv("PYTHONUTF8", "0")
    run = suite.apart()
    run.outcomes(failed=1)
    run.says("REPRODUCED after", "--racecheck-replay=rc1:")


def test_verbose_and_quiet_runs_have_the_same_report(suite):
    suite.write(CASES["counter"])

    def report(*args: str) -> str:
        return suite.here(*args).out.split("racecheck --")[1].split("replay: ")[0].split("\n", 1)[1]

    assert report() == report("-q") == report("-v") == report("-vv")
