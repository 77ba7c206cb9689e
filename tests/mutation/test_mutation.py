"""The checker is checked: each fault that is seeded into it turns a test of its suite red."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest
from tests.mutation.fault import Fault, RottenFault
from tests.mutation.table import FAULTS
from tests.mutation.trial import PACKAGE, ROOT, copied, run

#: Cheap ones for every day; all of them in the slow suite.
CHEAP = ("priorities never change", "a cycle is short by one")
AT_LEAST = 24

EVERY = [
    pytest.param(fault, id=name, marks=() if name in CHEAP else pytest.mark.slow)
    for name, fault in FAULTS.items()
]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy without a fault, compiled once for all."""
    folder = tmp_path_factory.mktemp("sound")
    yield copied(folder)
    shutil.rmtree(folder)


@lru_cache
def control(package: Path, tests: tuple[str, ...]) -> str | None:
    """What these tests say without any fault; nothing when all of them pass, as they should."""
    ending = run(package, "pytest_racecheck", tests)
    return None if ending.green else ending.said


# ------------------------------------------------------------------------------------ the table


def test_there_are_as_many_faults_as_were_promised():
    assert len(FAULTS) >= AT_LEAST
    assert set(CHEAP) <= set(FAULTS)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=lambda fault: fault.name)
def test_a_fault_still_fits_its_source(fault):
    source = (PACKAGE / fault.file).read_text(encoding="utf-8")
    compile(fault.applied(source), fault.file, "exec")


def test_the_tests_that_are_named_are_there():
    named = {test for fault in FAULTS.values() for test in fault.caught_by}
    for test in named:
        file, _, function = test.partition("[")[0].partition("::")
        tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
        assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("times", [0, 2])
def test_a_fault_whose_source_has_moved_says_so(times):
    fault = Fault("too early", "engine/clock.py", "READ_S", "WRITE_S", "no reason", ())
    with pytest.raises(RottenFault, match=f"'too early' cannot be seeded.* {times} times in eng"):
        fault.applied("READ_S = 1\n" * times)


# ------------------------------------------------------------------------------------ the trials


@pytest.mark.parametrize("fault", EVERY)
def test_the_suite_catches(fault, sound, rows, tmp_path):
    red = control(sound, fault.caught_by)
    assert red is None, f"these tests are red without any fault\n{red}"
    package = tmp_path / sound.name
    shutil.copytree(sound, package)
    fault.seed(package)
    ending = run(package, fault.module, fault.caught_by)
    assert ending.caught_by, f"{fault.name} survives, although {fault.why}\n{ending.said}"
    rows.append((fault.name, ending.caught_by, ending.cpu_s))


@pytest.mark.slow
def test_a_change_that_is_no_fault_is_not_caught(sound, tmp_path):
    package = tmp_path / sound.name
    shutil.copytree(sound, package)
    Fault("none", "engine/waits.py", '"waits to ', '"waits now to ', "only a word", ()).seed(
        package
    )
    assert run(package, "pytest_racecheck.engine.waits", FAULTS[CHEAP[0]].caught_by).green


def test_a_fault_that_does_not_even_run_is_not_called_caught(sound, tmp_path):
    package = tmp_path / sound.name
    shutil.copytree(sound, package)
    Fault(
        "broken",
        "engine/waits.py",
        "from types import",
        "from no_such import",
        "it breaks",
        (),
    ).seed(package)
    with pytest.raises(AssertionError, match="did not come to its end"):
        run(package, "pytest_racecheck.engine.waits", FAULTS[CHEAP[1]].caught_by)
