"""The fixture injects, free threads are asked for by a marker, and the report says what fired."""

from __future__ import annotations

import pytest

BOX = """
class Box:
    def __init__(self):
        self.value = 0
        self.lock = threading.Lock()
    def read(self):
        return self.value
    def store(self, value):
        self.value = value
    def add(self):
        self.store(self.read() + 1)
    def add_locked(self):
        with self.lock:
            self.add()

@pytest.fixture
def box():
    return Box()

STORE = f"{__name__}:Box.store"
"""


def test_the_fixture_injects_and_the_report_counts(suite):
    suite.write(
        BOX
        + """
@coarse
def test_lost(racecheck, box):
    racecheck.barrier(STORE, 2)
    racecheck.spawn(box.add)
    racecheck.spawn(box.add)
    racecheck.join()
    assert box.value == 2

@coarse
def test_sound(racecheck, box):
    racecheck.delay(STORE, 5)
    racecheck.spawn(box.add_locked)
    racecheck.spawn(box.add_locked)
    racecheck.join()
    assert box.value == 2
"""
    )
    run = suite.here()
    run.outcomes(failed=1, passed=1)
    assert run.findings["test_lost"]["verdict"] == "reproduced"
    (injected,) = run.findings["test_sound"]["injected"]
    assert injected["fired"] == injected["reached"] > 0
    run.says("injected: barrier of 2 at 'test_it:Box.store', armed at test_it.py:")
    run.says("injected: delay of 5 ms at 'test_it:Box.store'")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "racecheck.delay('nothing passes here', 1)",
            "racecheck: delay of 1 ms at 'nothing passes",
        ),
        ("racecheck.delay(f'{__name__}:Box.stor', 1)", "did you mean 'store'?"),
        ("racecheck.stress(print)", "stress() needs free threads"),
    ],
)
def test_a_mistake_is_one_sentence_without_a_traceback(suite, line, said):
    suite.write(
        BOX
        + f"""
@coarse
def test_it(racecheck, box):
    racecheck.spawn(box.add)
    {line}
    racecheck.join()
"""
    )
    run = suite.here()
    run.outcomes(failed=1)
    assert run.status == 1
    run.says(said)
    assert "Traceback" not in run.out
    assert "site-packages" not in run.out


def test_on_free_threads_the_test_runs_once_and_the_fixture_injects(suite):
    suite.write(
        BOX
        + """
calls = []
def both(racecheck, box, add):
    calls.append(1)
    racecheck.barrier(STORE, 2, within_s=0.2)
    racecheck.spawn(add)
    racecheck.spawn(add)
    racecheck.join()
    assert box.value == 2

@pytest.mark.racecheck(free=True)
def test_lost(racecheck, box):
    both(racecheck, box, box.add)

@pytest.mark.racecheck(free=True)
def test_never(racecheck):
    racecheck.delay("nothing passes here", 1)

@pytest.mark.racecheck(free=True)
def test_stressed(racecheck, box):
    found = racecheck.stress(lambda: None, repeats=2)
    assert found.rate.runs == 2

def test_once():
    assert calls == [1]
"""
    )
    run = suite.here()
    run.outcomes(failed=1, passed=3, errors=1)
    assert run.findings == {}
    run.says("never fired (the place was not reached)")


STRESSED = (
    BOX
    + """
@pytest.fixture
def both(box):
    yield box
    assert box.value == 2

def lost(racecheck, both):
    racecheck.delay(STORE, 5)
    both.add()

@pytest.mark.racecheck_stress(threads=2, repeats=8)
def test_lost(racecheck, both):
    lost(racecheck, both)

@pytest.mark.racecheck_stress(threads=2, repeats=8, positive_control=lost)
def test_sound(racecheck, both):
    racecheck.delay(STORE, 5)
    both.add_locked()

def sound(both):
    both.add_locked()

@pytest.mark.racecheck_stress(threads=2, repeats=8, positive_control="sound")
def test_no_power(both):
    both.add_locked()
"""
)


def test_a_stressed_test_has_fresh_fixtures_rates_and_a_control(suite):
    suite.write(STRESSED)
    run = suite.apart()
    run.outcomes(failed=2, passed=1)
    run.says("of 8 runs on 2 free threads failed", "(95 %)")
    run.says("its control lost failed in")
    run.says("no power: its control sound failed in 0 of 8 runs")


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ("racecheck_stress(thread=2)", "no keyword 'thread'; did you mean 'threads'?"),
        ("racecheck_stress(3)", "takes keywords only, got 3"),
        ("racecheck_stress(repeats=0)", "repeats=0: expected a whole number"),
        ("racecheck_stress(positive_control='nobody')", "positive_control='nobody'"),
        ("racecheck(free=False)", "free=False: expected True"),
        ("racecheck(free=True, seconds=3)", "leave the other keywords out"),
    ],
)
def test_a_marker_that_makes_no_sense_is_refused_before_any_test_runs(suite, marker, said):
    suite.write(f"\n@pytest.mark.{marker}\ndef test_it():\n    pass\n")
    run = suite.here()
    assert run.status == pytest.ExitCode.USAGE_ERROR
    run.says(said)


def test_both_markers_are_refused(suite):
    suite.write("\n@quick\n@pytest.mark.racecheck_stress\ndef test_it():\n    pass\n")
    run = suite.here()
    assert run.status == pytest.ExitCode.USAGE_ERROR
    run.says("either explored or stressed")
