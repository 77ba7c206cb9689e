"""What calls do to objects, which of them may not meet, and what a user may declare."""

from __future__ import annotations

import io
import json
import random
import socket
import sqlite3
import threading
from collections import Counter, OrderedDict, UserDict, defaultdict, deque

import pytest

from pytest_racecheck.errors import UsageError
from pytest_racecheck.free.nearmiss import Contracts
from pytest_racecheck.free.nearmiss.contracts import Effect, broken_rule, touch

CONTRACTS = Contracts()


def effect(kind: type, method: str) -> Effect:
    found = CONTRACTS.effect(kind, method)
    assert found is not None, (kind, method)
    return found


@pytest.mark.parametrize(
    ("kind", "method", "does"),
    [
        (list, "append", "write"),
        (list, "__getitem__", "look"),
        (dict, "get", "look"),
        (defaultdict, "__setitem__", "write"),
        (set, "__iter__", "walk"),
        (deque, "popleft", "write"),
        (OrderedDict, "move_to_end", "write"),
        (bytearray, "extend", "write"),
        (io.TextIOWrapper, "write", "write"),
        (io.BufferedReader, "read", "read"),
        (sqlite3.Cursor, "fetchone", "write"),
        (random.Random, "gauss", "write"),
        (socket.socket, "sendall", "write"),
    ],
)
def test_calls_of_known_types_have_an_effect(kind, method, does):
    assert effect(kind, method).does == does


def test_a_socket_of_zeromq_is_known_without_importing_it_for_others():
    zmq = pytest.importorskip("zmq")
    sent = effect(zmq.Socket, "send_multipart")
    assert (sent.does, sent.closable, sent.parent) == ("write", True, "context")


@pytest.mark.parametrize(
    ("kind", "method"), [(str, "join"), (tuple, "index"), (json.JSONEncoder, "encode"), (int, "to")]
)
def test_calls_of_others_are_of_no_interest(kind, method):
    assert CONTRACTS.effect(kind, method) is None


def test_a_class_with_close_is_watched_for_use_after_close():
    class Feed:
        def close(self) -> None: ...

        def read(self) -> None: ...

    used, closed = effect(Feed, "read"), effect(Feed, "close")
    assert (used.does, used.closable, used.closes) == ("use", True, False)
    assert closed.closes
    assert CONTRACTS.effect(type(threading.Lock()), "release") is None


# ------------------------------------------------------------------------------------- the rules


def rule(
    kind: type, one: str, other: str, *, informed: bool = False, strict: bool = False
) -> str | None:
    first, second = effect(kind, one), effect(kind, other)
    assert touch(first, first.part, second, second.part), (one, other)
    return broken_rule(first, informed, second, strict)


def test_what_is_done_in_one_piece_may_meet():
    assert rule(list, "append", "append") is None
    assert rule(list, "append", "pop") is None
    assert rule(deque, "append", "popleft") is None
    assert rule(dict, "__setitem__", "get") is None
    assert rule(list, "__iter__", "append") is None  # a list that grows is gone through to its end


def test_whoever_asks_for_it_is_told_of_these_too():
    assert rule(list, "append", "pop", strict=True) is not None


def test_a_container_must_not_change_its_size_while_it_is_gone_through():
    for kind, method in ((dict, "pop"), (set, "add"), (deque, "append"), (list, "remove")):
        assert rule(kind, "__iter__", method) is not None
        assert rule(kind, method, "__iter__") is not None


def test_what_was_looked_at_must_not_change_before_it_is_acted_upon():
    assert rule(dict, "__setitem__", "__setitem__", informed=True) is not None
    assert rule(dict, "__setitem__", "get", informed=True) is None


def test_calls_of_an_object_for_one_thread_must_not_overlap():
    assert rule(io.TextIOWrapper, "write", "write") is not None
    assert rule(Counter, "update", "most_common") is not None
    assert rule(io.BytesIO, "seek", "read") is not None


def test_two_looks_and_two_parts_do_not_touch():
    look, put = effect(dict, "get"), effect(dict, "__setitem__")
    assert not touch(look, None, look, None)
    assert not touch(put, ("a",), put, ("b",))
    assert touch(put, ("a",), put, ("a",))
    assert touch(put, ("a",), effect(dict, "clear"), None)
    read, other = effect(io.BytesIO, "read"), effect(io.BytesIO, "write")
    assert not touch(read, None, other, None)  # the object itself takes care of that


def test_sending_and_receiving_are_two_parts():
    sent = effect(socket.socket, "sendall")
    assert sent.part == "out"
    assert effect(socket.socket, "recv").does == "use"


# ---------------------------------------------------------------------------------- declarations


class Till(UserDict):
    """A class of the user's."""

    def put(self) -> None: ...

    def peek(self) -> None: ...

    def _inner(self) -> None: ...


def test_the_methods_of_a_declared_class_write():
    for contracts in (Contracts([Till]), Contracts([f"{__name__}:Till"])):
        put = contracts.effect(Till, "put")
        assert put is not None
        assert put.writes
        assert not put.one_piece
        assert contracts.effect(Till, "_inner") is None
        assert contracts.effect(type("Child", (Till,), {}), "put") is not None


def test_some_may_be_declared_to_read():
    contracts = Contracts([f"{__name__}:Till(reads=peek, size)"])
    peek, put = contracts.effect(Till, "peek"), contracts.effect(Till, "put")
    assert peek is not None
    assert put is not None
    assert not peek.writes
    assert put.writes


@pytest.mark.parametrize(
    "wrong",
    ["", "Till", "shop:", "shop:Till(", "shop:Till()", "shop:Till(reads=)", "a b:C", 3, None,
     "shop:Till(writes=put)", "shop:Till(reads=p q)", ":Till"],
)  # fmt: skip
def test_a_declaration_that_is_none_is_refused(wrong):
    with pytest.raises(UsageError, match="expected a class, or a text such as"):
        Contracts([wrong])
