"""Enforces the house rules on every file, and shows of each rule a bad file that it rejects."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = "pytest_racecheck"
SRC = PurePosixPath("src", PACKAGE)

FILE_LINES = 400
FUNCTION_LINES = 40  # its docstring not counted: nobody should save on explanations
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "core", "misc"}

# Imports go down the stairs: a room may import its own files and those of the steps below it.
STAIRS = (
    {"errors"},
    # The programs share their arguments, and ask as the catalogue does where a draft API lies.
    {"arguments", "probes", "zmq_draft"},
    {"corkio", "engine", "free", "locust", "oracles", "signalling"},
    {"adapters", "postgres"},
    {"faults"},
    {"diagnosis", "leasequeue"},  # the queue's measurement asks for a server
    {"catalogue"},
    {"hall"},
)
STEP = {room: step for step, rooms in enumerate(STAIRS) for room in rooms}
# What a scenario may see, as a user's code would: the public names, probes, and the programs.
PUBLIC = {"corkio", "hall", "leasequeue", "locust", "postgres", "probes", "signalling"}
# Only here may the engine meet the real world: the clock's patience, the carrier's threads.
REAL_TIME = {"clock.py", "carrier.py", "watchdog.py"}

Complaints = Iterator[str]


@dataclass(frozen=True)
class Source:
    """One Python file: where it lies below the root of the repository, its text and tree."""

    path: PurePosixPath
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def room(self) -> str | None:
        """The room that the file belongs to; None outside the package."""
        if not self.path.is_relative_to(SRC):
            return None
        return room_of(self.path.relative_to(SRC).with_suffix("").parts[0])


def room_of(name: str) -> str:
    """The room of a module or folder directly below the package; unknown ones are the hall's."""
    return name if name in STEP else "hall"


# --------------------------------------------------------------------------------------- the rules


def opens_with_one_sentence(source: Source) -> Complaints:
    first, _, _ = (ast.get_docstring(source.tree) or "").partition("\n\n")
    if not first.endswith(".") or len(first.splitlines()) > 2:
        yield "does not open with one sentence that ends in a period"


def fits_its_budget(source: Source) -> Complaints:
    lines = len(source.text.splitlines())
    if lines > FILE_LINES and source.path.parts[0] in ("src", "scenarios"):
        yield f"has {lines} lines, {FILE_LINES} are the most"


def functions_fit_half_a_screen(source: Source) -> Complaints:
    for node in functions_of(source.tree):
        lines = node.end_lineno - node.lineno + 1 - lines_of_docstring(node)
        if lines > FUNCTION_LINES:
            yield f"{node.name} has {lines} lines, {FUNCTION_LINES} are the most"


def imports_go_down(source: Source) -> Complaints:
    for line, name in imported(source):
        room = imported_room(name)
        if room is None:
            continue
        if source.path.parts[0] == "scenarios" and room not in PUBLIC:
            yield f"{line}: a scenario imports {name}, which is not public"
        if source.room and room != source.room and STEP[room] >= STEP[source.room]:
            yield f"{line}: {source.room} imports {name}, which is not below it"


def names_say_what_is_inside(source: Source) -> Complaints:
    for part in source.path.with_suffix("").parts:
        if part in BANNED_NAMES:
            yield f"{part} says nothing about what is inside"


def nothing_is_swallowed(source: Source) -> Complaints:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            yield f"{node.lineno}: a bare except"
        elif isinstance(node, ast.ExceptHandler):
            if catches_everything(node.type) and does_nothing(node.body):
                yield f"{node.lineno}: swallows every exception"
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
            yield from (
                f"{node.lineno}: suppresses every exception"
                for caught in node.args
                if catches_everything(caught)
            )


def only_the_hall_speaks(source: Source) -> Complaints:
    if source.room in (None, "hall", "leasequeue", "locust", "signalling"):
        return  # the programs of these are commands of their own
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called == "print" or re.fullmatch(r"sys\.(__)?std(out|err)(__)?\.write", called):
                yield f"{node.lineno}: {called} below the hall"


def the_engine_asks_no_wall_clock(source: Source) -> Complaints:
    if source.room != "engine" or source.path.name in REAL_TIME:
        return
    for line, name in imported(source):
        if name.split(".")[0] in ("time", "datetime"):
            yield f"{line}: the engine imports {name}, a wall clock"


def the_engine_throws_seeded_dice_only(source: Source) -> Complaints:
    if source.room != "engine":
        return
    names = list(imported(source))
    for line, name in names:
        if re.match(r"secrets|uuid|os\.urandom|random\.(?!Random$)", name):
            yield f"{line}: the engine imports {name}; only random.Random(seed) is repeatable"
    has_random = "random" in [name for _, name in names]
    for node in ast.walk(source.tree):
        used = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
        if used == "os.urandom" or (has_random and re.match(r"random\.(?!Random\b)", used)):
            yield f"{node.lineno}: {used} is not seeded"


def nothing_is_left_unfinished(source: Source) -> Complaints:
    for number, line in enumerate(source.text.splitlines(), 1):
        for kind, pattern in LEFT_OVERS.items():
            if found := re.search(pattern, line):
                yield f"{number}: {kind}: {found.group()}"


LEFT_OVERS = {
    "a mark of unfinished work": r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b",
    "a path of one machine": r"(?<![\w.}])/(root|work|home/\w+|Users/\w+|tmp/\w+)/",
    "a conflict marker": r"^(<{7} |>{7} |={7}$)",
}


# ----------------------------------------------------------------------------------- what they use


def functions_of(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines_of_docstring(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    if ast.get_docstring(node) is None:
        return 0
    return node.body[0].end_lineno - node.body[0].lineno + 1


def imported(source: Source) -> Iterator[tuple[int, str]]:
    """Every import with its line, wherever it stands, as a dotted name."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(filter(None, [*parents(source, node.level), node.module]))
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            named = node.args[0]
            yield (
                node.lineno,
                named.value if isinstance(named, ast.Constant) else ast.unparse(named),
            )


def parents(source: Source, level: int) -> tuple[str, ...]:
    """The packages that a relative import starts from."""
    return source.path.parts[1:-level] if level else ()


def imported_room(name: str) -> str | None:
    parts = name.split(".")
    if parts[0] != PACKAGE:
        return None
    return room_of(parts[1]) if len(parts) > 1 else "hall"


def catches_everything(node: ast.expr) -> bool:
    kinds = node.elts if isinstance(node, ast.Tuple) else [node]
    return any(ast.unparse(kind) in ("Exception", "BaseException") for kind in kinds)


def does_nothing(body: list[ast.stmt]) -> bool:
    return all(
        isinstance(node, ast.Pass | ast.Continue)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in body
    )


# -------------------------------------------------------------- the rules on what is in the folder

RULES: tuple[Callable[[Source], Complaints], ...] = (
    opens_with_one_sentence,
    fits_its_budget,
    functions_fit_half_a_screen,
    imports_go_down,
    names_say_what_is_inside,
    nothing_is_swallowed,
    only_the_hall_speaks,
    the_engine_asks_no_wall_clock,
    the_engine_throws_seeded_dice_only,
    nothing_is_left_unfinished,
)


def project_files() -> list[PurePosixPath]:
    """The Python files of the project that git knows or would add; all of them without git."""
    asked = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        names = [name for name in done.stdout.splitlines() if (ROOT / name).is_file()]
    else:
        names = [
            path.relative_to(ROOT).as_posix()
            for folder in ("src", "scenarios", "tests", "docs")
            for path in (ROOT / folder).rglob("*.py")
        ]
    return sorted(map(PurePosixPath, names))


@lru_cache
def project_sources() -> list[Source]:
    sources = [Source(path, (ROOT / path).read_text()) for path in project_files()]
    assert SRC / "errors.py" in [source.path for source in sources]
    return sources


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_file_keeps_the_rule(rule):
    complaints = [f"{source.path}:{said}" for source in project_sources() for said in rule(source)]
    assert not complaints, "\n" + "\n".join(complaints)


# ------------------------------------------------------------------ positive control of every rule

ENGINE_FILE = "src/pytest_racecheck/engine/task.py"
LONG_FUNCTION = "def long():\n" + "    pass\n" * FUNCTION_LINES

BAD = [
    (opens_with_one_sentence, "src/pytest_racecheck/free/rate.py", "import os"),
    (opens_with_one_sentence, "tests/test_x.py", '"""Tests x"""'),
    (opens_with_one_sentence, "scenarios/a/buggy.py", '"""A\ntale\nof three lines."""'),
    (fits_its_budget, "src/pytest_racecheck/free/rate.py", "\n" * (FILE_LINES + 1)),
    (functions_fit_half_a_screen, "tests/test_x.py", LONG_FUNCTION),
    (functions_fit_half_a_screen, "src/x.py", f"class A:\n  async {LONG_FUNCTION}"),
    (imports_go_down, "src/pytest_racecheck/errors.py", f"import {PACKAGE}.probes"),
    (imports_go_down, ENGINE_FILE, f"from {PACKAGE} import explore"),
    (imports_go_down, ENGINE_FILE, f"from {PACKAGE} import oracles"),
    (imports_go_down, ENGINE_FILE, "from ..free import rate"),
    (imports_go_down, "src/pytest_racecheck/engine/a/b.py", "from ...adapters.x import y"),
    (imports_go_down, "src/pytest_racecheck/free/x.py", f"def f():\n import {PACKAGE}.engine"),
    (imports_go_down, "src/pytest_racecheck/adapters/x.py", f"import_module('{PACKAGE}.cli')"),
    (imports_go_down, "src/pytest_racecheck/signalling/x.py", f"from {PACKAGE}.engine import a"),
    (imports_go_down, "scenarios/a/buggy.py", f"from {PACKAGE}.engine import switch"),
    (names_say_what_is_inside, "src/pytest_racecheck/engine/utils.py", ""),
    (names_say_what_is_inside, "tests/common/test_x.py", ""),
    (nothing_is_swallowed, "tests/test_x.py", "try: f()\nexcept: g()"),
    (nothing_is_swallowed, "tests/test_x.py", "try: f()\nexcept Exception: pass"),
    (nothing_is_swallowed, "tests/test_x.py", "try: f()\nexcept (OSError, BaseException): ..."),
    (nothing_is_swallowed, "tests/test_x.py", "with contextlib.suppress(Exception): f()"),
    (only_the_hall_speaks, "src/pytest_racecheck/diagnosis/report.py", "print(1)"),
    (only_the_hall_speaks, "src/pytest_racecheck/errors.py", "sys.stderr.write('x')"),
    (the_engine_asks_no_wall_clock, ENGINE_FILE, "import time"),
    (the_engine_asks_no_wall_clock, "src/pytest_racecheck/engine/a/b.py", "from time import time"),
    (the_engine_throws_seeded_dice_only, ENGINE_FILE, "from random import Random, random"),
    (the_engine_throws_seeded_dice_only, ENGINE_FILE, "import random\nrandom.shuffle(x)"),
    (the_engine_throws_seeded_dice_only, ENGINE_FILE, "import os\nos.urandom(3)"),
    (the_engine_throws_seeded_dice_only, ENGINE_FILE, "import uuid"),
    (nothing_is_left_unfinished, "src/pytest_racecheck/errors.py", "# TO" + "DO: this"),
    (nothing_is_left_unfinished, "tests/test_x.py", "open('/" + "root/x')"),
    (nothing_is_left_unfinished, "tests/test_x.py", "<" * 7 + " HEAD"),
]

GOOD = '''"""Does one thing, as the rules would have it."""

import random
from pytest_racecheck.errors import UsageError
from pytest_racecheck.engine import task

def act(seed):
    """Draws."""
    try:
        return random.Random(seed)
    except Exception:
        raise UsageError("no seed: give one")
'''


@pytest.mark.parametrize(
    ("rule", "path", "text"), BAD, ids=lambda value: getattr(value, "__name__", str(value)[:60])
)
def test_a_file_that_breaks_the_rule_is_rejected(rule, path, text):
    assert list(rule(Source(PurePosixPath(path), text)))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_file_that_keeps_the_rules_is_accepted(rule):
    assert not list(rule(Source(PurePosixPath("src/pytest_racecheck/engine/dice.py"), GOOD)))
    assert rule in [controlled for controlled, _, _ in BAD], "a rule without positive control"
