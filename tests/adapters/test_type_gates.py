"""Methods of built-in types are replaced for a while, also where they were remembered."""

from __future__ import annotations

import _thread

import pytest

from pytest_racecheck.adapters.type_gates import replaced_methods


def locked_often(lock):
    """Called so often that the interpreter specialises the look-up."""
    return [lock.locked() for _ in range(100)][-1]


def test_specialised_calls_meet_the_stand_in_and_then_the_original_again():
    lock = _thread.allocate_lock()
    assert locked_often(lock) is False
    with replaced_methods(_thread.LockType, {"locked": lambda _: "replaced"}):
        assert locked_often(lock) == "replaced"
    assert locked_often(lock) is False


def test_originals_come_back_after_an_error():
    before = vars(_thread.LockType)["locked"]
    stand_in = {"locked": lambda _: 1 / 0}
    with pytest.raises(ZeroDivisionError), replaced_methods(_thread.LockType, stand_in):
        _thread.allocate_lock().locked()
    assert vars(_thread.LockType)["locked"] is before


def test_a_method_that_does_not_exist_changes_nothing():
    before = dict(vars(_thread.LockType))
    with pytest.raises(KeyError), replaced_methods(_thread.LockType, {"lock": print}):
        pass
    assert dict(vars(_thread.LockType)) == before
