"""The command `racecheck guard`: keep a race that was found, and check that it stays away."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_racecheck.catalogue.show import printable
from pytest_racecheck.cli_run import Stopped, stopping_by_signal
from pytest_racecheck.diagnosis.guard import Guard, State, guard_from, read_guard
from pytest_racecheck.diagnosis.safe_file import read_object, write_object
from pytest_racecheck.errors import MissingDependency, RacecheckError, UsageError

FOLDER = Path("tests", "guards")
BACK, DAMAGED, UNSURE = 1, 2, 4
_RECORD = ("racecheck record", 1)  # what the plugin writes for --racecheck-record
_STATUS = {State.HOLDS: 0, State.BACK: BACK, State.UNSURE: UNSURE}
#: How the lines begin that say why pytest ran nothing; the last one comes nearest to the cause.
_TELLING = ("E  ", "ERROR: ", "ERROR ", "INTERNALERROR> ")


def check_guards(names: Sequence[str]) -> int:
    """Check the guard files (all below tests/guards when none is named); the worst status."""
    paths = [Path(name) for name in names] or sorted(FOLDER.glob("*.json"))
    if not paths:
        raise UsageError(f"there is no guard in {FOLDER}: name the files, or write one first")
    guards, damaged = _readable(paths)  # a damaged one is said before any test runs
    seen = {DAMAGED} if damaged else {0}
    with stopping_by_signal():
        try:
            for guard in guards:
                status, sentence = _check(guard, _root_of(guard))[:2]
                _say(sentence)
                seen.add(status)
        except Stopped as stop:
            return stop.status
    return next(status for status in (BACK, DAMAGED, UNSURE, 0) if status in seen)


def _readable(paths: Sequence[Path]) -> tuple[list[Guard], int]:
    """The guards that can be read, and how many cannot; those are named, and stop no other."""
    guards: list[Guard] = []
    for path in paths:
        try:
            guards.append(read_guard(path))
        except UsageError as error:
            sys.stderr.write(f"racecheck: {printable(str(error))}\n")
    return guards, len(paths) - len(guards)


def write_guard(test: str, before: str | None, output: str | None) -> int:
    """Run ``test``, here or at the revision ``before``, and keep the race that it shows."""
    with stopping_by_signal():
        try:
            if before is None:
                return _write_here(test, output)
            return _write_from(test, before, output)
        except Stopped as stop:
            return stop.status


def _write_here(test: str, output: str | None) -> int:
    record = run_test(test, Path.cwd(), [])
    guard = _recorded(record, test, "here")
    target = _target(output, guard, Path(record["root"]))
    _save(replace(guard, path=target))
    _say(
        f"wrote {_shown(target)}: {_told(guard)}; fix the race, then check it with: "
        f"racecheck guard --check {_shown(target)}"
    )
    return 0


def _write_from(test: str, revision: str, output: str | None) -> int:
    with _worktree(revision) as (top, tree):
        place = tree / Path.cwd().resolve().relative_to(top)
        if not place.is_dir():
            raise UsageError(f"revision {revision} has no folder {place.relative_to(tree)}")
        _take_test_along(test, place)
        record = run_test(test, place, _paths_in(top, tree))
        _refuse_code_of_now(record["imported"], top, revision)
        guard = _recorded(record, test, f"at revision {revision}")
    root = _root_for(guard.test, Path.cwd())
    target = _target(output, guard, root)
    with tempfile.TemporaryDirectory(prefix="racecheck-") as folder:
        draft = replace(guard, path=Path(folder, target.name))
        _save(draft)
        status, sentence, now = _check(draft, root)
    if status == BACK:
        _say(f"{sentence}: it is not fixed here, so no guard is written")
        return BACK
    if now is None or now["finding"]["grade"] is None:
        _say(f"{sentence}: the code of now cannot be judged, so no guard is written")
        return UNSURE
    _save(guard_from(target, now["verified"]))
    matched, total = now["finding"]["matched"]
    _say(
        f"wrote {_shown(target)}: {_told(guard)} at revision {revision}, and not here: "
        f"{now['finding']['reason']}"
    )
    if 2 * matched < total:
        _say("little of the old schedule is left: this guard rests on the search around it")
    return 0


# ------------------------------------------------------------------------------------ one pytest


def run_test(test: str, place: Path, paths: Sequence[str], *options: str) -> dict[str, Any]:
    """Run the one test in ``place`` and give the plugin's record of it."""
    with tempfile.TemporaryDirectory(prefix="racecheck-") as folder:
        file = Path(folder, "record.json")
        command = [sys.executable, "-m", "pytest", test, f"--racecheck-record={file}", *options]
        path = os.pathsep.join([*paths, *filter(None, [os.environ.get("PYTHONPATH")])])
        done = subprocess.run(
            [*command, "--racecheck-database=off", "-p", "no:cacheprovider", "-q"],
            cwd=place,
            env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if not file.exists():
            raise RacecheckError(
                f"{test} was not explored (is it one test, and marked racecheck?); pytest ended "
                f"with status {done.returncode}: {_what_pytest_said(done.stdout + done.stderr)}"
            )
        return read_object(file, *_RECORD)


def _what_pytest_said(output: str) -> str:
    """The one line that says why; what other plugins warn of is not it."""
    lines = [line.rstrip() for line in output.splitlines() if line.strip()]
    for start in _TELLING:
        told = [line for line in lines if line.startswith(start)]
        if told:
            return printable(told[-1].removeprefix(start).strip())[:300]
    return printable(lines[-1])[:300] if lines else "it said nothing"


def _recorded(record: dict[str, Any], test: str, where: str) -> Guard:
    if record["guard"] is None:
        finding = record["finding"]
        if finding["verdict"] == "reproduced" and record["guards"]:
            raise NotReproduced(
                f"the race of {test} is there {where}, and {record['guards'][-1]['file']} guards "
                "it already; to record it anew, delete that file first"
            )
        raise NotReproduced(
            f"{test} is {finding['verdict']} {where} ({printable(finding['reason'])[:300]}), so "
            "there is no race to guard; name the revision that had it with --before REV"
        )
    return guard_from(Path("guard.json"), record["guard"])


class NotReproduced(RacecheckError):
    """There is no race to keep away."""

    exit_status = UNSURE


def _check(guard: Guard, root: Path) -> tuple[int, str, dict[str, Any] | None]:
    """The exit status, the sentence, and what the plugin has written down."""
    option = f"--racecheck-guards={guard.path.resolve()}"
    try:
        record = run_test(guard.test, root, [], option)
    except RacecheckError as error:
        return UNSURE, f"guard {guard.name!r} cannot be checked: {error}", None
    if not record["guards"]:
        why = "; ".join(record["notes"]) or record["finding"]["reason"]
        return UNSURE, f"guard {guard.name!r} was not checked: {why}", None
    told = record["guards"][-1]
    return _STATUS[State(told["state"])], told["sentence"], record


# -------------------------------------------------------------------------------- files and names


def _root_of(guard: Guard) -> Path:
    """The folder that the guard's test is named from: one above its file, or the current one."""
    folders = [*guard.path.resolve().parents, Path.cwd()]
    file = guard.test.partition("::")[0]
    return next((folder for folder in folders if (folder / file).is_file()), Path.cwd())


def _root_for(test: str, place: Path) -> Path:
    file = test.partition("::")[0]
    places = (place, *place.parents)
    return next((folder for folder in places if (folder / file).is_file()), place)


def _target(output: str | None, guard: Guard, root: Path) -> Path:
    if output is not None:
        return Path(output)
    name = guard.test.rpartition("::")[2].removeprefix("test_")
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.")[:80] or "guard"
    return _free(root / FOLDER / f"{plain}.json", guard.test)


def _free(path: Path, test: str) -> Path:
    """``path``, unless the guard of another test has it."""
    for n in range(2, 1000):
        if not path.exists():
            return path
        with contextlib.suppress(UsageError):
            if read_guard(path).test == test:
                return path
        path = path.with_name(f"{re.sub(r'-[0-9]+$', '', path.stem)}-{n}.json")
    raise UsageError(f"{path.parent} has too many guards of that name: give --output FILE")


def _save(guard: Guard) -> None:
    try:
        guard.path.parent.mkdir(parents=True, exist_ok=True)
        write_object(guard.path, guard.as_json())
    except OSError as error:
        raise UsageError(f"{guard.path} cannot be written: {error.strerror}") from None


def _told(guard: Guard) -> str:
    failure = guard.failure
    return f"{guard.test} fails with {failure['type']} at {failure.get('where', 'unknown')}"


def _shown(path: Path) -> str:
    with contextlib.suppress(ValueError):
        return str(path.resolve().relative_to(Path.cwd()))
    return str(path)


def _say(text: str) -> None:
    sys.stdout.write(printable(text).rstrip() + "\n")
    sys.stdout.flush()


# ---------------------------------------------------------------------------------- old revisions


@contextlib.contextmanager
def _worktree(revision: str) -> Iterator[tuple[Path, Path]]:
    """The top of the repository, and a worktree of ``revision`` that is gone afterwards."""
    if revision.startswith("-"):
        raise UsageError(f"{revision!r} is no revision")
    top = Path(_git("rev-parse", "--show-toplevel")).resolve()
    commit = _git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    folder = Path(tempfile.mkdtemp(prefix="racecheck-")).resolve()
    try:
        _git("worktree", "add", "--detach", "--quiet", str(folder / "tree"), commit)
        yield top, folder / "tree"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(UsageError):
            _git("worktree", "prune")


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-c", f"core.hooksPath={os.devnull}", *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError:
        raise MissingDependency(
            "--before needs git, which is not on the path: apt-get install git"
        ) from None
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no such revision"]
        raise UsageError(f"git {arguments[0]} {printable(arguments[-1])}: {printable(said[-1])}")
    return done.stdout.strip()


def _take_test_along(test: str, place: Path) -> None:
    """The test of now judges the code of then: it is often written with the fix."""
    file = Path(test.partition("::")[0])
    if file.is_absolute() or not file.is_file():
        raise UsageError(f"{test}: name the test by a path below this folder, as pytest does")
    (place / file).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, place / file)


def _paths_in(top: Path, tree: Path) -> list[str]:
    """Where the code of then is imported from: ``src``, the top, and what PYTHONPATH names."""
    named = [Path(p) for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]
    below = [p.resolve().relative_to(top) for p in named if p.resolve().is_relative_to(top)]
    found = [tree / p for p in (*below, Path("src"), Path())]
    return [str(p) for p in dict.fromkeys(found) if p.is_dir()]


def _refuse_code_of_now(imported: Sequence[str], top: Path, revision: str) -> None:
    """An installed package may be imported from here although the test ran there."""
    ours = Path(__file__).resolve().parent
    for path in map(Path, imported):
        here = path.is_relative_to(top) and "site-packages" not in path.parts
        if here and not path.is_relative_to(ours):
            raise UsageError(
                f"the test imports {path.relative_to(top)} from here, not from revision "
                f"{revision}: put its folder on PYTHONPATH"
            )
