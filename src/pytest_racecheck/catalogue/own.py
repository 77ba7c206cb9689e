"""A system of the user's in the place of a scenario's variant: found, made anew, and complete."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytest_racecheck.errors import UsageError

_FORM = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*\Z")


def is_own(stem: str) -> bool:
    """Whether this names a system of the user's, and not a file of the scenario."""
    return ":" in stem


def check_form(text: str) -> str:
    """The text; raises UsageError unless it is "module:name"."""
    if not _FORM.match(text):
        raise UsageError(f"--system {text!r:.80}: write it as mypkg.rpc:Client (module:name)")
    return text


def package_of(text: str) -> str:
    """The package whose code is under test with such a system."""
    return text.partition(":")[0].partition(".")[0]


def own_system(text: str, workload: Path) -> Callable[[], Any]:
    """What makes the system that `text` names, for one run of `workload`.

    A class is called without arguments for each run; anything else is handed over as it is.
    Raises UsageError when there is no such thing, or when it lacks what the workload asks for.
    """
    module_name, _, name = check_form(text).partition(":")
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:
        raise UsageError(
            f"--system {text}: module {module_name!r} cannot be imported "
            f"({type(error).__name__}: {error}); run racecheck in the folder that holds it"
        ) from error
    for part in name.split("."):
        if not hasattr(found, part):
            raise UsageError(f"--system {text}: {module_name} has no {part!r}")
        found = getattr(found, part)
    return maker(found, text, workload)


def maker(system: Any, named: str, workload: Path) -> Callable[[], Any]:
    """The same of the class, module or object itself."""
    make: Callable[[], Any] = system if isinstance(system, type) else lambda: system
    try:
        made = make()
    except TypeError as error:
        raise UsageError(
            f"{named} cannot be made without arguments ({error}); name a small adapter class "
            "that makes it"
        ) from error
    missing = [name for name in wanted_by(workload) if not hasattr(made, name)]
    if missing:
        scenario = workload.parent.name
        raise UsageError(
            f"{named} lacks {', '.join(missing)}, which {scenario} asks its system for; add an "
            f"adapter class with {', '.join(wanted_by(workload))}, as fixed.py of the scenario has"
        )
    return make


def wanted_by(workload: Path) -> list[str]:
    """The attributes that a workload reads of its `system`, sorted."""
    tree = ast.parse(workload.read_text(encoding="utf-8"))
    return sorted(
        {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "system"
        }
    )


def with_own_system(run: Callable[..., object], make: Callable[[], Any], **size: Any) -> object:
    """Run the workload with a new system."""
    return run(make(), **size)
