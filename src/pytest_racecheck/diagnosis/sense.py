"""Whether the values of a plan make sense: each that does not is refused in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pytest_racecheck.engine.recording import Recording
from pytest_racecheck.errors import UsageError

Check = tuple[Callable[[object], bool], str]


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _names(value: object) -> bool:
    listed = isinstance(value, (list, tuple))
    return listed and all(isinstance(name, str) and name for name in value)  # type: ignore[attr-defined]


def _depth(value: object) -> bool:
    return _whole(value) and value > 0  # type: ignore[operator]


def _listed(value: object) -> bool:
    return isinstance(value, (list, tuple)) and len(value) > 0


def _or_none(accepts: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: value is None or accepts(value)


_COUNT: Check = (lambda value: _whole(value) and value > 0, "a positive whole number")  # type: ignore[operator]
_SPAN: Check = (
    lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0,
    "a positive number",
)
_BOUND: Check = (
    _or_none(lambda value: _whole(value) and value >= 0),  # type: ignore[operator]
    "a whole number that is not negative",
)

#: name -> (what is accepted, how that is called)
CHECKS: Mapping[str, Check] = {
    "executions": _COUNT,
    "max_steps": _COUNT,
    "replays": _COUNT,
    "seconds": _SPAN,
    "patience_s": _SPAN,
    "seed": (_whole, "a whole number"),
    "preemptions": _BOUND,
    "depth": (
        _or_none(lambda value: _depth(value) or (_listed(value) and all(map(_depth, value)))),  # type: ignore[call-overload]
        "a whole number of at least 1, or a list of such",
    ),
    "positive_control": (_or_none(callable), "something to call: a body that fails"),
    "script": (_or_none(_names), "a list of names of tasks"),
    "control": (_names, "a list of module names"),
    "isolate": (lambda value: isinstance(value, bool), "True or False"),
    "record": (lambda value: isinstance(value, bool), "True or False"),
    "recording": (
        _or_none(lambda value: isinstance(value, Recording)),
        "the recording of a finding",
    ),
    "curve": (lambda value: isinstance(value, bool), "True or False"),
    "schedule": (_or_none(lambda value: isinstance(value, str)), "a replay text"),
    "workers": (
        lambda value: value == "auto" or (_whole(value) and value > 0),  # type: ignore[operator]
        "a positive whole number or 'auto'",
    ),
    "strategy": (lambda value: isinstance(value, str), "the name of a strategy"),
}


def refuse_nonsense(values: Mapping[str, object]) -> None:
    """Raise UsageError for the first value that is not what its name asks for."""
    for name, (accepts, noun) in CHECKS.items():
        value = values[name]
        if not accepts(value):
            got = (
                f"the text {value!r}" if isinstance(value, str) and "list" in noun else repr(value)
            )
            raise UsageError(f"{name} must be {noun}, got {got}")
