"""The shape of the scenario folders: files, sizes, and a fix that is no longer than a fix."""

from __future__ import annotations

import ast
import difflib
import sys
from pathlib import Path

import pytest

from pytest_racecheck.catalogue.reading import read_scenario

SCENARIOS = Path(__file__).parent.parent / "scenarios"
FOLDERS = sorted(path.parent for path in SCENARIOS.glob("*/scenario.toml"))
SOURCES = sorted(SCENARIOS.glob("*/*.py"))
MAX_LINES = 80
MAX_CHANGED = 15
DOCUMENTED_CASES = {
    *(f"A-{number:02}" for number in range(1, 20)),
    *(f"B-{number:02}" for number in range(1, 14)),
    *(f"C-{number:02}" for number in range(1, 18) if number != 16),  # C-16: tests/corkio
}
ALLOWED_IMPORTS = {"zmq", "pytest_racecheck", "psycopg", *sys.stdlib_module_names}


def name_of(path: Path) -> str:
    return str(path.relative_to(SCENARIOS))


def code_lines(path: Path) -> list[str]:
    """The lines without the opening docstring."""
    text = path.read_text(encoding="utf-8")
    first = ast.parse(text).body[0]
    return text.splitlines()[first.end_lineno :]


def changed_lines(old: list[str], new: list[str]) -> int:
    """How many lines were replaced, removed or added: the longer side of each difference."""
    blocks = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return sum(max(b - a, d - c) for tag, a, b, c, d in blocks if tag != "equal")


def test_there_is_a_folder_for_every_documented_case() -> None:
    cases = {
        case
        for folder in FOLDERS
        for variant in read_scenario(folder).variants
        for case in variant.cases
    }
    assert cases >= DOCUMENTED_CASES


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_file_is_short_and_says_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_LINES
    sentence = (ast.get_docstring(ast.parse(text)) or "").split("\n\n")[0]
    assert sentence.endswith((".", ")"))


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_file_stands_alone_and_does_nothing_on_import(path: Path) -> None:
    quiet = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef | ast.Assign
    docstring, *rest = ast.parse(path.read_text(encoding="utf-8")).body
    assert isinstance(docstring, ast.Expr)
    assert all(isinstance(statement, quiet) for statement in rest)
    for node in rest:
        modules = (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        assert {module.split(".")[0] for module in modules} <= ALLOWED_IMPORTS


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_every_variant_has_its_file_and_every_file_its_variant(folder: Path) -> None:
    stems = {variant.stem for variant in read_scenario(folder).variants}
    assert {path.stem for path in folder.glob("*.py")} == stems | {"workload"}


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_what_is_not_a_set_of_controls_has_a_buggy_and_a_fixed_variant(folder: Path) -> None:
    roles = {variant.role for variant in read_scenario(folder).variants}
    assert "buggy" in roles, "without a variant that fails nothing shows that the oracle works"
    assert roles & {"fixed", "control"}


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_the_fix_is_the_difference_between_buggy_and_fixed(folder: Path) -> None:
    pairs = [
        (buggy, buggy.with_name(buggy.name.replace("buggy", "fixed")))
        for buggy in folder.glob("buggy*.py")
    ]
    for buggy, fixed in pairs:
        if not fixed.exists():
            continue  # a set of controls, by the test above
        changed = changed_lines(code_lines(buggy), code_lines(fixed))
        assert 0 < changed <= MAX_CHANGED, f"{fixed.name} changes {changed} lines"


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_a_fixed_variant_is_never_expected_to_fail_nor_a_buggy_one_to_pass(folder: Path) -> None:
    for variant in read_scenario(folder).variants:
        promises = [promise.expects for promise in (variant.controlled, variant.free) if promise]
        fails = {"reproduced"} if variant.role == "buggy" else {"ruled out", "inconclusive"}
        if variant.role != "tempting":
            assert promises
            assert set(promises) <= fails, variant.name
