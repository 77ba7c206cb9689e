"""Checks data read from a TOML file against a table of keys; every error names file and key."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_racecheck.catalogue.names import did_you_mean
from pytest_racecheck.errors import UsageError


class ScenarioError(UsageError):
    """A file of the catalogue does not say what it should; the message names file and key."""


@dataclass(frozen=True, slots=True)
class Key:
    """What one key may hold. `expected` completes the sentence "expected ..."."""

    expected: str
    accepts: Callable[[Any], bool]
    required: bool = False
    default: Any = None

    def needed(self) -> Key:
        """The same key, required."""
        return Key(self.expected, self.accepts, required=True)

    def otherwise(self, default: Any) -> Key:
        """The same key with a default."""
        return Key(self.expected, self.accepts, default=default)


def one_of(*names: str) -> Key:
    """One of a closed list of words."""
    return Key(
        "one of " + ", ".join(names), lambda value: isinstance(value, str) and value in names
    )


def list_of(*names: str) -> Key:
    """A list of different texts; when `names` are given, only of these."""
    expected = "a list of " + (", ".join(names) if names else "texts")

    def accepts(value: Any) -> bool:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            return False
        return len(set(value)) == len(value) and (not names or set(value) <= set(names))

    return Key(expected, accepts)


def whole(minimum: int) -> Key:
    """A whole number (true and false are none)."""
    return Key(
        f"a whole number, {minimum} or more",
        lambda value: type(value) is int and value >= minimum,
    )


def share() -> Key:
    """A share between 0 and 1."""
    return Key(
        "a number from 0 to 1", lambda value: type(value) in (int, float) and 0 <= value <= 1
    )


TEXT = Key("a text", lambda value: isinstance(value, str) and bool(value.strip()))
TWO_LINES = Key(
    "a text of at most two lines",
    lambda value: isinstance(value, str) and 0 < len(value.strip().splitlines()) <= 2,
)
FLAG = Key("true or false", lambda value: isinstance(value, bool))
TABLE = Key("a table", lambda value: isinstance(value, dict))
SECONDS = Key(
    "a number of seconds above 0",
    lambda value: type(value) in (int, float) and 0 < value < float("inf"),
)


def read_toml(file: Path) -> dict[str, Any]:
    """The parsed file. Raises ScenarioError."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as problem:
        raise ScenarioError(f"{file}: it cannot be read: {problem.strerror}") from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise ScenarioError(f"{file}: it is not valid TOML: {problem}") from problem


def check(
    file: Path, where: str, table: Mapping[str, Any], keys: Mapping[str, Key]
) -> dict[str, Any]:
    """`table` with defaults filled in. `where` is the path of the table, "" at the top.

    Raises ScenarioError for the first unknown, missing or ill-typed key.
    """
    prefix = f"{where}." if where else ""
    for name in table:
        if name not in keys:
            raise ScenarioError(
                f"{file}: unknown key {prefix + name!r}: {did_you_mean(name, keys)}"
            )
    checked: dict[str, Any] = {}
    for name, key in keys.items():
        if name not in table:
            if key.required:
                raise ScenarioError(
                    f"{file}: key {prefix + name!r} is missing: expected {key.expected}"
                )
            checked[name] = key.default
        elif not key.accepts(table[name]):
            raise ScenarioError(
                f"{file}: {prefix}{name} = {_shown(table[name])}: expected {key.expected}"
            )
        else:
            checked[name] = table[name]
    return checked


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
