"""Reads SQL for what it may touch: tables, functions, channels, and the one row that it names.

No grammar: words are enough to say which tables a statement names and how.  What is not understood
is said to touch everything, so a mistake costs schedules and hides none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

_TOKEN = re.compile(
    r"""(?P<skip>--[^\n]*|/\*.*?\*/)
    |(?P<text>'(?:[^']|'')*'|\$(\w*)\$.*?\$\3\$)
    |(?P<param>%\(\w+\)[sbt]|%[sbt])
    |(?P<word>(?:"[^"]+"|[^\W\d]\w*)(?:\.(?:"[^"]+"|[^\W\d]\w*))*)
    |(?P<number>\d+(?:\.\d+)?)
    |(?P<sign>::|\S)""",
    re.VERBOSE | re.DOTALL,
)
_WRITING = frozenset({"insert", "update", "delete", "merge"})
_READABLE = frozenset({"select", "with", "values", "table", *_WRITING})
_BEFORE_A_TABLE = frozenset({"from", "join", "into", "update", "using", "only", "table"})
_LOCK_CLAUSE = frozenset({"for", "key", "do", "on"})  # "for update", "no key update", "do update"
_NO_TABLE = frozenset({"select", "set", "values", "lateral", "skip", "nowait", "where", "(", "%s"})
_ENDS = frozenset(
    """where set group order limit offset for join left right inner full cross natural on using
    returning union intersect except having window as values select fetch""".split()  # noqa: SIM905
)
#: Words that may stand before a parenthesis without being a function.
_NO_FUNCTION = frozenset(
    """in values and or not exists any all some as on using over filter from join into where by
    select with limit distinct check key set array row interval cast materialized then when else
    case end is like ilike between conflict constraint lateral recursive having group""".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the words of a statement say; ``understood`` is False when they do not say enough."""

    understood: bool
    writes: bool = False
    locks: str = ""  # "update" or "share": the row locks that a select takes
    tables: tuple[str, ...] = ()
    target: str = ""  # the table that is written
    functions: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()  # of the first function, as written
    sets: tuple[str, ...] = ()  # columns that an update assigns
    equals: tuple[tuple[str, str, int], ...] = ()  # column, constant, number of its parameter or -1
    channel: str = ""


@dataclass(slots=True)
class _Words:
    kinds: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


@lru_cache(maxsize=2000)
def read(sql: str) -> Reading:
    """What ``sql`` says about itself."""
    words = _words(sql)
    texts = words.texts
    if not texts:
        return Reading(True)
    first = texts[0]
    if first in ("notify", "listen", "unlisten"):
        return Reading(True, channel=texts[1] if len(texts) > 1 else "*")
    if first in ("set", "show", "reset", "discard"):
        return Reading(True)
    if first not in _READABLE or ";" in texts[:-1]:
        return Reading(False)
    named = _declared(texts)
    tables = tuple(dict.fromkeys(t for t in _tables(words) if t not in named))
    return Reading(
        True,
        writes=bool(_WRITING & {text for at, text in enumerate(texts) if _writes(texts, at)}),
        locks=_locks(texts),
        tables=tables,
        target=tables[0] if first in _WRITING and tables else "",
        functions=tuple(_functions(words, named)),
        arguments=_arguments(texts),
        sets=tuple(_assigned(texts)),
        equals=tuple(_equalities(words)),
    )


def _words(sql: str) -> _Words:
    words = _Words()
    for found in _TOKEN.finditer(sql):
        kind = found.lastgroup or "sign"
        if kind == "skip":
            continue
        text = found.group()
        words.kinds.append(kind)
        words.texts.append(text if kind == "text" or '"' in text else text.lower())
    return words


def _writes(texts: Sequence[str], at: int) -> bool:
    return not (at and texts[at - 1] in _LOCK_CLAUSE)


def _declared(texts: Sequence[str]) -> set[str]:
    """Names that the statement gives to its own subqueries."""
    if texts[0] != "with":
        return set()
    return {
        texts[at - 1]
        for at in range(1, len(texts) - 1)
        if texts[at] == "as" and texts[at + 1] in ("(", "materialized", "not")
    }


def _tables(words: _Words) -> Iterator[str]:
    texts, kinds = words.texts, words.kinds
    for at, text in enumerate(texts[:-1]):
        if text not in _BEFORE_A_TABLE or not _writes(texts, at):
            continue
        yield from _list_of_tables(texts, kinds, at + 1)


def _list_of_tables(texts: Sequence[str], kinds: Sequence[str], at: int) -> Iterator[str]:
    while at < len(texts) and kinds[at] == "word" and texts[at] not in _NO_TABLE:
        if texts[at] == "only":
            at += 1
            continue
        if at + 1 < len(texts) and texts[at + 1] == "(" and texts[at - 1] != "into":
            return  # a function that gives rows, which is found as one
        yield texts[at]
        at += 1
        while at < len(texts) and (
            texts[at] == "as" or (kinds[at] == "word" and texts[at] not in _ENDS)
        ):
            at += 1  # its other name
        if at >= len(texts) or texts[at] != ",":
            return
        at += 1


def _functions(words: _Words, named: set[str]) -> Iterator[str]:
    texts, kinds = words.texts, words.kinds
    for at in range(len(texts) - 1):
        if texts[at + 1] != "(" or kinds[at] != "word":
            continue
        before = texts[at - 1] if at else ""
        if texts[at] not in _NO_FUNCTION and before != "into" and texts[at] not in named:
            yield texts[at]


def _arguments(texts: Sequence[str]) -> tuple[str, ...]:
    if "(" not in texts:
        return ()
    begin = texts.index("(") + 1
    end = texts.index(")", begin) if ")" in texts[begin:] else len(texts)
    return tuple(text for text in texts[begin:end] if text != ",")


def _locks(texts: Sequence[str]) -> str:
    found = ""
    for at in range(len(texts) - 1):
        if texts[at] == "for" and texts[at + 1] in ("update", "no"):
            return "update"
        if texts[at] == "for" and texts[at + 1] in ("share", "key"):
            found = "share"
    return found


def _assigned(texts: Sequence[str]) -> Iterator[str]:
    if "set" not in texts:
        return
    depth = 0
    for at in range(texts.index("set"), len(texts) - 1):
        depth += (texts[at] == "(") - (texts[at] == ")")
        if depth == 0 and texts[at] in ("where", "from", "returning"):
            return
        if depth == 0 and texts[at + 1] == "=":
            yield texts[at]
        if texts[at] in ("set", ",") and texts[at + 1] == "(":
            yield "*"  # several at once


def _equalities(words: _Words) -> Iterator[tuple[str, str, int]]:
    """``column = constant`` that must hold: joined by AND at the end of a plain statement."""
    texts, kinds = words.texts, words.kinds
    if texts.count("where") != 1 or texts.count("select") > 1 or "or" in texts or "with" in texts:
        return
    if len({"join", "union", "using"} & set(texts)):
        return
    param = 0
    begin = texts.index("where")
    for at, kind in enumerate(kinds):
        if kind == "param":
            param += 1
        whole = (
            at > begin + 2
            and kind in ("param", "number", "text")
            and texts[at - 1] == "="
            and texts[at - 3] in ("where", "and")
            and (at + 1 == len(texts) or texts[at + 1] in ("and", "for", "returning", "order"))
        )
        if whole:
            yield texts[at - 2], texts[at], param - 1 if kind == "param" else -1


def value_of(constant: str, number: int, params: Any) -> str | None:
    """What a constant of ``equals`` stands for, as text; None when it cannot be told."""
    if number < 0:
        return constant.strip("'")
    if isinstance(params, Mapping):
        given = params.get(constant[2:-2])
    elif isinstance(params, Sequence) and not isinstance(params, str) and number < len(params):
        given = params[number]
    else:
        return None
    return str(given) if type(given) in (int, str) else None
