"""Which calls of which types may not meet: what the types promise, and what the user declares.

Unlike TSVD we do not count every call of a built-in container as thread-unsafe: CPython does one
such call in one piece (its FAQ and the pages of ``collections`` say of which that may be relied
on).  What it does not do in one piece is going through a container, or acting on what was seen.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from pytest_racecheck.errors import UsageError

WHOLE: Any = None  # the part that is the whole object

#: Methods after which an object must not be used any more.
CLOSERS = frozenset(
    [
        *("close", "aclose", "stop", "shutdown", "terminate", "term", "destroy", "dispose"),
        *("disconnect", "quit", "kill", "cleanup", "detach", "unlink", "release", "teardown"),
    ]
)
#: An object with one of these is watched for being used after it; "release" alone is a lock's.
_CLOSABLE = CLOSERS - {"kill", "release", "detach", "unlink"}


@dataclass(frozen=True, slots=True)
class Effect:
    """What a call does: ``does`` is look, walk, write or use (nothing that could conflict).

    ``keyed``: the item or first argument names the part.  ``one_piece``: the interpreter does it
    at once.  ``resizes``: who walks meanwhile is disturbed.  ``part``: of the object that has some.
    ``parent``: the attribute with the object that must not be closed either.
    """

    does: str
    keyed: bool = False
    one_piece: bool = False
    resizes: bool = False
    part: Any = WHOLE
    closable: bool = False
    closes: bool = False
    parent: str | None = None

    @property
    def writes(self) -> bool:
        """Whether it changes the object."""
        return self.does == "write"

    @property
    def meets(self) -> bool:
        """Whether it could conflict with anything."""
        return self.does != "use"


def touch(one: Effect, part: Any, other: Effect, other_part: Any) -> bool:
    """Whether two calls of one object are of the same part, and one of them changes it."""
    same = part is WHOLE or other_part is WHOLE or part == other_part
    return same and one.meets and other.meets and (one.writes or other.writes)


def broken_rule(held: Effect, informed: bool, other: Effect, strict: bool) -> str | None:
    """Which rule two calls that touch break when they meet; None: each is done in one piece.

    ``informed``: the held thread looked at the same part before, in the same function.
    """
    if not (held.one_piece and other.one_piece):
        return "calls of it must not overlap"
    if "walk" in (held.does, other.does):
        if held.resizes or other.resizes:
            return "it must not change while it is gone through"
    elif held.writes and informed and other.writes:
        return "what was looked at before has changed when it is acted upon"
    return "no two calls of it may meet, with strict" if strict else None


def _effects(**names: str) -> dict[str, Effect]:
    """Effects of a built-in container, by words such as "look" or "put"."""
    return {name: _WORDS[word] for word, many in names.items() for name in many.split()}


_WORDS = {
    "look": Effect("look", one_piece=True),
    "look_at": Effect("look", one_piece=True, keyed=True),
    "walk": Effect("walk", one_piece=True),
    "add": Effect("write", one_piece=True),  # a list that grows disturbs nobody who walks
    "put": Effect("write", one_piece=True, keyed=True),
    "resize": Effect("write", one_piece=True, resizes=True),
    "resize_at": Effect("write", one_piece=True, keyed=True, resizes=True),
}
_LIST = _effects(
    look="index count copy __contains__ __len__",
    look_at="__getitem__",
    walk="__iter__",
    add="append extend",
    put="__setitem__",
    resize="insert pop remove clear sort reverse __delitem__",
)
_SET = _effects(
    look="copy issubset issuperset isdisjoint union intersection difference __len__",
    look_at="__contains__",
    walk="__iter__",
    resize_at="add discard remove",
    resize="pop clear update difference_update intersection_update symmetric_difference_update",
)
_DICT = _effects(
    look="copy keys items values __len__",
    look_at="get __getitem__ __contains__",
    walk="__iter__",
    resize_at="__setitem__ __delitem__ pop setdefault",
    resize="popitem clear update",
)
_DEQUE = _effects(
    look="index count copy __contains__ __getitem__ __len__",
    walk="__iter__",
    put="__setitem__",
    resize="append appendleft extend extendleft insert pop popleft remove clear rotate reverse "
    "__delitem__",
)
_WRITE = Effect("write")
_READ = Effect("read")


def _plain(writes: str = "", reads: str = "", part: Any = WHOLE) -> dict[str, Effect]:
    """Effects of a type whose calls must not overlap if one of them writes."""
    found = {name: Effect("write", part=part) for name in writes.split()}
    return found | {name: Effect("read", part=part) for name in reads.split()}


_FILE = _plain("seek truncate", "read read1 readinto readline readlines write writelines tell")
_TEXT = _plain("read readline readlines write writelines seek truncate flush __iter__", "tell")
_CURSOR = "execute executemany executescript fetchone fetchmany fetchall __iter__"
_ZMQ = (
    "send send_multipart send_string send_json send_pyobj recv recv_multipart recv_string "
    "recv_json recv_pyobj recv_into poll setsockopt set subscribe unsubscribe bind connect "
    "unbind disconnect close"
)
_HTTP = "request getresponse putrequest putheader endheaders send connect close"

#: type by "module.name" -> method -> effect.  Looked for along the classes of an object.
KNOWN: dict[str, Mapping[str, Effect]] = {
    "builtins.list": _LIST,
    "builtins.bytearray": _LIST,
    "builtins.set": _SET,
    "builtins.dict": _DICT,
    "collections.deque": _DEQUE,
    "collections.OrderedDict": _DICT | _effects(resize="move_to_end"),
    "collections.Counter": _DICT | _plain("update subtract", "most_common elements total"),
    "builtins.generator": _plain("send throw close __next__ __iter__"),
    "_io.TextIOWrapper": _TEXT,
    "_io.BufferedReader": _FILE,
    "_io.BufferedWriter": _FILE,
    "_io.BufferedRandom": _FILE,
    "_io.FileIO": _FILE,
    "_io.BytesIO": _FILE,
    "_io.StringIO": _FILE,
    "_csv.writer": _plain("writerow writerows"),
    "sqlite3.Cursor": _plain(_CURSOR),
    "sqlite3.Connection": _plain("commit rollback", "execute executemany executescript"),
    "socket.socket": _plain("sendall sendfile", "send", part="out"),
    "http.client.HTTPConnection": _plain(_HTTP),
    "smtplib.SMTP": _plain("sendmail send_message docmd login quit"),
    "ftplib.FTP": _plain("cwd retrbinary storbinary retrlines storlines quit"),
    "imaplib.IMAP4": _plain("select search fetch store append logout"),
    "zipfile.ZipFile": _plain("write writestr", "read namelist"),
    "tarfile.TarFile": _plain("add addfile extractall extract", "getnames getmembers"),
    "random.Random": _plain("gauss"),
    "zmq.sugar.socket.Socket": _plain(_ZMQ),
    "zmq.backend.cython._zmq.Socket": _plain(_ZMQ),
}
_NAMES: dict[type, str] = {OrderedDict: "collections.OrderedDict", Counter: "collections.Counter"}
_NAMES |= {deque: "collections.deque"}


#: What lives only as long as something else does, and which of its attributes that is.
_PARENTS = {"sqlite3.Cursor": "connection", "zmq.sugar.socket.Socket": "context"}


def _called(kind: type) -> str:
    return _NAMES.get(kind, f"{kind.__module__}.{kind.__qualname__}")


class Contracts:
    """The known types, and those that the user declares.

    ``unsafe`` has classes, or texts "module:Class" whose public methods all write, or texts
    "module:Class(reads=get,peek)" of which the named ones read.  Raises UsageError.
    """

    def __init__(self, unsafe: Iterable[object] = (), *, strict: bool = False) -> None:
        self.strict = strict
        self._declared: dict[str, frozenset[str]] = {}
        for one in unsafe:
            name, reads = _declaration(one)
            self._declared[name] = reads

    def effect(self, kind: type, method: str) -> Effect | None:
        """What calling ``method`` does to an object of type ``kind``; None: nothing of interest."""
        if issubclass(kind, (type, ModuleType)):
            return None
        found = self._of_classes(kind, method)
        closable = any(callable(getattr(kind, name, None)) for name in _CLOSABLE)
        if found is None and not closable:
            return None
        base = found or Effect("use")
        return Effect(
            base.does,
            base.keyed,
            base.one_piece,
            base.resizes,
            base.part,
            closable,
            closable and method in CLOSERS,
            next((p for b in kind.__mro__ if (p := _PARENTS.get(_called(b)))), None),
        )

    def _of_classes(self, kind: type, method: str) -> Effect | None:
        for base in kind.__mro__:
            name = _called(base)
            if name in self._declared:
                if method.startswith("_") and method not in _SPECIAL:
                    return None
                return _READ if method in self._declared[name] else _WRITE
            if name in KNOWN:
                return KNOWN[name].get(method)
        return None


_SPECIAL = frozenset({"__getitem__", "__setitem__", "__delitem__", "__contains__", "__iter__"})


#: Built-in functions that do something to their first argument, as the method they stand for.
FUNCTIONS = {
    **dict.fromkeys(("len", "bool"), "__len__"),
    **dict.fromkeys(("list", "tuple", "set", "sorted", "sum", "min", "max"), "copy"),
    "next": "__next__",
}


def _declaration(one: object) -> tuple[str, frozenset[str]]:
    if isinstance(one, type):
        return f"{one.__module__}.{one.__qualname__}", frozenset()
    if isinstance(one, str):
        name, bracket, rest = one.partition("(")
        module, colon, qualified = name.strip().partition(":")
        names = rest.strip().removesuffix(")").removeprefix("reads=") if bracket else ""
        told = frozenset(part.strip() for part in names.split(",") if part.strip())
        whole = not bracket or (rest.startswith("reads=") and rest.strip().endswith(")") and told)
        fits = all(part.isidentifier() for part in (*module.split("."), *qualified.split(".")))
        if colon and fits and whole and all(part.isidentifier() for part in told):
            return f"{module}.{qualified}", told
    raise UsageError(
        f"unsafe={one!r:.60}: expected a class, or a text such as 'shop.cache:Cache' or "
        "'shop.cache:Cache(reads=get,peek)'"
    )
