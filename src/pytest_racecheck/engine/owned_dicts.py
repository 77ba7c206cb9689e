"""Whose attributes a dictionary holds: what is written there is an attribute to everybody else."""

from __future__ import annotations

import weakref

from pytest_racecheck.engine.looking import is_a, own_dict

#: By the ``id`` of the dictionary; whether it is still the owner's is asked each time.
_owners: dict[int, weakref.ref[object]] = {}
_MOST = 10_000


def note_owner(owner: object) -> None:
    """Somebody is about to take the dictionary of ``owner`` in hand."""
    held = None if is_a(owner, type) else own_dict(owner)
    if held is None:
        return
    if len(_owners) >= _MOST:
        _owners.clear()
    try:
        _owners[id(held)] = weakref.ref(owner)
    except TypeError:
        return  # a module, or what cannot be referred to weakly: known by its dictionary


def owner_of(held: object) -> object | None:
    """Whose dictionary this is, if anybody has taken it in hand."""
    found = _owners.get(id(held)) if _owners else None
    owner = None if found is None else found()
    return owner if owner is not None and own_dict(owner) is held else None
