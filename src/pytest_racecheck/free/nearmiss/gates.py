"""What the calls inserted into the code under test call; each begins with the cheapest way out."""

from __future__ import annotations

import _thread
import os
from typing import Any

from pytest_racecheck.free.nearmiss.contracts import WHOLE
from pytest_racecheck.free.nearmiss.site import DENSE_PASSES, DULL_PASSES, SPARSE_MASK, Site
from pytest_racecheck.free.nearmiss.watch import Watch

_ABSENT: Any = object()
_PLAIN = frozenset({str, bytes, int, float, bool, type(None)})
_threads = _thread._count

#: The run under watch, if there is one in this process.
active: Watch | None = None


def watch_with(watch: Watch | None) -> None:
    """From here on the gates tell ``watch``; None: nobody."""
    global active
    active = watch


# A child of a fork has none of the threads that may hold the lock of the watch.
os.register_at_fork(after_in_child=lambda: watch_with(None))


def called(site: Site, target: object) -> None:
    """A method of ``target`` is about to be called, or a loop to take its next step."""
    watch = active
    if watch is None:
        return
    if site.run != watch.number:
        site.begin(watch.number)
    kind = type(target)
    effect = site.effects.get(kind, _ABSENT)
    if effect is _ABSENT:
        effect = site.classify(kind, watch.contracts)
    if effect is None or (_is_often_passed(site, watch) and not watch.traps):
        return
    if watch.born or _threads():
        watch.arrive(site, target, effect, effect.part)


def called_with(site: Site, target: object, first: object) -> None:
    """The same, with the first argument, or with the key of an item."""
    watch = active
    if watch is None:
        return
    if site.run != watch.number:
        site.begin(watch.number)
    kind = type(target)
    effect = site.effects.get(kind, _ABSENT)
    if effect is _ABSENT:
        effect = site.classify(kind, watch.contracts)
    if effect is None or (_is_often_passed(site, watch) and not watch.traps):
        return
    if watch.born or _threads():
        watch.arrive(site, target, effect, _part(first) if effect.keyed else effect.part)


def contained(site: Site, key: object, target: object) -> None:
    """``key in target`` is about to be asked."""
    called_with(site, target, key)


def loaded(site: Site, target: object) -> None:
    """An attribute of ``target`` is about to be read."""
    watch = active
    if watch is None or _is_often_passed(site, watch):
        return
    if watch.born or _threads():
        watch.use(site, (id(target), site.name))


def loaded_global(site: Site) -> None:
    """A global is about to be read."""
    watch = active
    if watch is None or _is_often_passed(site, watch):
        return
    if watch.born or _threads():
        watch.use(site, (id(site.scope), site.name))


def stored(site: Site, value: object, target: object) -> None:
    """``value`` is about to be assigned to an attribute of ``target``."""
    watch = active
    if watch is not None and (watch.born or _threads()):
        _assigned(watch, site, id(target), _attribute(target, site.name), value)


def deleted(site: Site, target: object) -> None:
    """An attribute of ``target`` is about to be deleted."""
    watch = active
    if watch is not None and (watch.born or _threads()):
        _assigned(watch, site, id(target), _attribute(target, site.name), None)


def stored_global(site: Site, value: object) -> None:
    """``value`` is about to be assigned to a global."""
    watch = active
    if watch is not None and (watch.born or _threads()) and site.scope is not None:
        _assigned(watch, site, id(site.scope), site.scope.get(site.name), value)


def _is_often_passed(site: Site, watch: Watch) -> bool:
    """Whether this pass of a site that is passed all the time in this run need not be looked at."""
    if site.run != watch.number:
        site.begin(watch.number)
    site.passes = passes = site.passes + 1
    if passes < DENSE_PASSES or not passes & SPARSE_MASK:
        if passes == DULL_PASSES:
            watch.is_dull(site)
        return False
    return not watch.pairs.live_at(site.key)


def _assigned(watch: Watch, site: Site, owner: int, before: object, value: object) -> None:
    if (before is None) == (value is None):
        return
    told = watch.gone if value is None else watch.ready
    told(site, (owner, site.name))


def _attribute(target: object, name: str) -> object:
    """The value before; None where there is none, or where asking would run the user's code."""
    try:
        held = object.__getattribute__(target, "__dict__")
    except AttributeError:
        return getattr(target, name, None) if _is_slot(target, name) else None
    if type(held) is dict and name in held:
        return held[name]
    return getattr(target, name, None) if _is_slot(target, name) else None


def _is_slot(target: object, name: str) -> bool:
    kind = getattr(type(target), name, None)
    return type(kind).__name__ == "member_descriptor"


def _part(key: object) -> object:
    """The part of a container under ``key``; comparing other keys would run the user's code."""
    kind = type(key)
    if kind in _PLAIN:
        return (key,)
    if kind is tuple and all(type(one) in _PLAIN for one in key):  # type: ignore[attr-defined]
        return (key,)
    return WHOLE if kind is slice else ("object", id(key))
