"""What an operation touches, and which two operations must not be swapped without thought.

A touch is (object, key within it, kind).  Two operations of different tasks are dependent when they
touch the same thing and not both only read it; then their order may matter.
"""

from __future__ import annotations

import queue
import threading
from collections import defaultdict
from collections.abc import Callable
from types import ModuleType
from typing import Any

from pytest_racecheck.engine.access import Site
from pytest_racecheck.engine.looking import is_a, own_dict
from pytest_racecheck.engine.owned_dicts import note_owner, owner_of
from pytest_racecheck.engine.task import Task
from pytest_racecheck.engine.unseen_code import runs_unseen

READ, WRITE, ACQUIRE, TRY, RELEASE, AWAIT = "read", "write", "acquire", "try", "release", "await"
#: An acquire or get that gives up after a time; a wait for something that is not known here.
LIMITED, WAIT = "limited", "wait"
#: Of a queue: what finds something there, finds nothing there, waits for something.
PUT, FIRST, GET = "put", "first put", "get"
#: One touches, the other only became possible by it: ordered, but never the other way round.
_ENABLING = frozenset(
    {
        *((ACQUIRE, RELEASE), (RELEASE, ACQUIRE), (AWAIT, RELEASE), (RELEASE, AWAIT)),
        (FIRST, GET),
    }
)
_OF_DATA = frozenset({READ, WRITE, WAIT})
_COMMUTING = frozenset({(READ, READ), (AWAIT, AWAIT), (READ, AWAIT), (AWAIT, READ)})

#: The key of a touch of the whole object.
WHOLE = None
#: What every operation on something unknown touches: sockets, selectors, adapters to come.
WORLD = "the world"
CLOCK = "the clock"
#: What a call into code without gates touches: whatever is no lock.
ANYTHING = "anything"
#: Keys of what is no data.  An attribute may have any name, but no tuple for a name.
LOCK = ("lock",)
END = "end"
BIRTH = "birth"

Touch = tuple[object, object, str]
Touches = list[Touch]

#: The method itself, taken before anything replaces the entries of the type.
_is_empty = queue.SimpleQueue.__dict__["empty"]

_PLAIN_KEYS = (str, int, bytes, bool, float, type(None))
_NOTHING: Touches = []


def touches(task: Task) -> Touches:
    """What the pending operation of ``task`` touches; an unknown one touches the world."""
    label, target, site = task.pending
    if type(site) is Site:
        return data(site, target, task.item_key)
    return _BY_LABEL.get(label, _told)(task, target)


def location(task: Task) -> tuple[int, object] | None:
    """The one thing that the pending operation is about, as a key valid in this execution."""
    label, target, site = task.pending
    if type(site) is Site:
        if site.form in ("attribute", "global"):
            return id(_holder(target)), site.key
        if site.form == "item":
            return id(target), _plain(task.item_key)
        return id(target), WHOLE
    if label in _NO_LOCATION:
        return None
    told = getattr(type(target), "__racecheck_touches__", None)
    if told is not None:
        thing, key, _ = _foremost(told(target))
        return id(thing), key
    if type(target) is threading.Event:
        target = target._cond._lock  # type: ignore[attr-defined]
    return id(target), LOCK


def only_reads(task: Task) -> bool:
    """Whether the pending operation changes nothing."""
    label, target, site = task.pending
    if type(site) is Site:
        return site.reads
    told = getattr(type(target), "__racecheck_touches__", None)
    if told is not None:
        return _foremost(told(target))[2] == READ
    return label == "look at"


def _foremost(touched: Touches) -> Touch:
    """The first of what others may touch as well, written rather than read; never empty.

    An adapter tells the one that only the operation's own object is touched by first of all.
    """
    shared = touched[1:]
    return next((touch for touch in shared if touch[2] != READ), (shared or touched)[0])


def is_data(key: object, kind: str) -> bool:
    """Whether a call into unknown code could touch it as well: all but locks and tasks."""
    return kind in _OF_DATA and key is not LOCK


def dependent(one: str, other: str) -> bool:
    """Whether two kinds of touch of the same thing may not be swapped."""
    return (one, other) not in _COMMUTING


def enables(earlier: str, later: str) -> bool:
    """Whether the earlier of two dependent touches must come first for the later to be possible."""
    return (earlier, later) in _ENABLING


def data(site: Site, target: object, item_key: Any) -> Touches:
    """What a read or write at ``site`` touches; code without gates that it runs, anything."""
    if site.key == "__dict__":
        note_owner(target)
    found = [_of_the_owner(touch) for touch in _seen(site, target, item_key)]
    if runs_unseen(site.form, type(target), site.key):
        return [*found, (ANYTHING, WHOLE, site.kind)]
    return found


def _seen(site: Site, target: object, item_key: Any) -> Touches:
    kind = site.kind
    if site.form == "attribute" and is_a(target, ModuleType):
        return [(_holder(target), site.key, kind)]
    if site.form == "attribute":
        found: Touches = [(target, site.key, kind)]
        if site.reads and site.key not in (own_dict(target) or {}):
            # Found in the class, where somebody may write it.
            found += [
                (owner, site.key, kind) for owner in type(target).__mro__ if site.key in vars(owner)
            ]
        return found
    if site.form == "item":
        # Looking for what is not there puts it there.
        fills = is_a(target, defaultdict) and target.default_factory is not None
        return [(target, _plain(item_key), WRITE if fills else kind)]
    if site.form == "step":
        return list(item_key)  # found by who knows iterators (iterators.py)
    if site.form == "global":
        return [(target, site.key, kind)]
    return [(target, WHOLE, kind)]


def _of_the_owner(touch: Touch) -> Touch:
    """An item of the dictionary of an object is an attribute of that."""
    owner = owner_of(touch[0])
    if owner is None:
        return touch
    key = touch[1]
    return owner, key[1] if type(key) is tuple else key, touch[2]


def _holder(target: Any) -> object:
    """A name of a module is written as its attribute by others, as a global by itself."""
    return vars(target) if is_a(target, ModuleType) else target


def _plain(key: object) -> object:
    # Comparing others would run code of the user's.
    return ("item", key) if type(key) in _PLAIN_KEYS else WHOLE


def _taken(task: Task, target: Any) -> Touches:
    return [(target, LOCK, LIMITED if task.limited else ACQUIRE)]


def _looked_at(_: Task, target: Any) -> Touches:
    if type(target) is threading.Event:
        return [(target._cond._lock, LOCK, READ)]  # type: ignore[attr-defined]
    if isinstance(target, threading.Thread):
        return [((own_dict(target) or {}).get("_racecheck_task", target), END, READ)]
    return [(target, LOCK, READ)]


def _joined(task: Task, target: Any) -> Touches:
    ended = (own_dict(target) or {}).get("_racecheck_task")
    if ended is None:
        return _the_world(task, target)
    return [(ended, END, TRY if task.limited else AWAIT)]


def _put(task: Task, target: Any) -> Touches:
    if not is_a(target, queue.SimpleQueue):  # an adapter's word
        return _the_world(task, target)
    # Without the first one nobody could get: the two have no other order.
    return [(target, LOCK, FIRST if _is_empty(target) else PUT)]


def _got(task: Task, target: Any) -> Touches:
    if not is_a(target, queue.SimpleQueue):
        return _the_world(task, target)
    return [(target, LOCK, LIMITED if task.limited else GET)]


def _tried(_: Task, target: Any) -> Touches:
    return [(target, LOCK, TRY)]


def _clock(_: Task, __: object) -> Touches:
    return [(CLOCK, WHOLE, WRITE)]


def _told(task: Task, target: Any) -> Touches:
    """What an adapter says that its operation touches; the world where none does."""
    told = getattr(type(target), "__racecheck_touches__", None)
    return _the_world(task, target) if told is None else list(told(target))


def _the_world(task: Task, __: object) -> Touches:
    return [(WORLD, WHOLE, WRITE if task.ready is None else WAIT)]


def _nothing(_: Task, __: object) -> Touches:
    return _NOTHING


_BY_LABEL: dict[str, Callable[[Task, Any], Touches]] = {
    "acquire": _taken,
    "wait": _taken,
    "try acquire": _tried,
    "release": lambda _, target: [(target, LOCK, RELEASE)],
    "look at": _looked_at,
    "join": _joined,
    "put": _put,
    "get": _got,
    "try get": _tried,
    "read clock": _clock,
    "sleep": _clock,
    "begin": lambda task, _: [(task, BIRTH, AWAIT)],
    "yield": _nothing,
    "pass": _nothing,
    "end": _nothing,
}
_NO_LOCATION = frozenset({"begin", "yield", "pass", "end", "join", "sleep", "read clock", "start"})
