"""The positive control of a test: a function, or another test by its name, that has the bug.

It is called as the test is, with fixtures of its own, and is neither collected nor reported.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from pytest_racecheck.errors import UsageError
from pytest_racecheck.item_body import ItemBody


def function_named(item: pytest.Function, named: object) -> Callable[..., object]:
    """What the marker's ``positive_control`` stands for; UsageError when there is no such thing."""
    where: Any = item.module if item.cls is None else item.cls
    kind = "function of the module" if item.cls is None else "method of the class"
    if isinstance(named, str):
        found = getattr(where, named, None)
        near = difflib.get_close_matches(named, dir(where), 1)
        hint = f"; did you mean {near[0]!r}?" if near and found is None else ""
    else:
        found, hint = named, ""
        if item.cls is not None and getattr(where, getattr(named, "__name__", ""), None) != named:
            found = None  # it would get neither an instance nor what the class sets up
    if callable(found):
        return found  # type: ignore[no-any-return]
    raise UsageError(f"positive_control={named!r:.60}: expected a {kind}, or the name of one{hint}")


def control_body(item: pytest.Function, function: Callable[..., object]) -> ItemBody:
    """``function`` as a body beside that of ``item``, of whose parameters it has all or none."""
    keywords: dict[str, Any] = {"name": f"{item.name}/{function.__name__}"}
    if getattr(getattr(item.parent, "obj", None), function.__name__, None) is function:
        keywords["originalname"] = function.__name__  # a method needs an instance
    else:
        keywords["callobj"] = function
        manager = item.session._fixturemanager
        keywords["fixtureinfo"] = manager.getfixtureinfo(item, function, None)
    wanted = [name for name in inspect.signature(function).parameters if name != "self"]
    parametrised = set(getattr(getattr(item, "callspec", None), "params", ()))
    if parametrised & set(wanted):
        if wanted != list(item._fixtureinfo.argnames):
            ours = ", ".join(item._fixtureinfo.argnames)
            raise UsageError(
                f"the positive control {function.__name__} of a parametrised test needs the same "
                f"arguments, in the same order: {ours}"
            )
        keywords |= {"callspec": item.callspec, "fixtureinfo": item._fixtureinfo}
    return ItemBody(pytest.Function.from_parent(item.parent, **keywords))
