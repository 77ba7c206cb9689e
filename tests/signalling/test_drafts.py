"""Which zmq a program gets, and what it says when it gets none."""

from __future__ import annotations

import sys

import pytest

from pytest_racecheck.errors import MissingDependency
from pytest_racecheck.signalling.drafts import require_zmq


def test_without_pyzmq_the_sentence_ends_with_the_pip_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "zmq", None)
    with pytest.raises(MissingDependency, match=r'pip install "pytest-racecheck\[zeromq\]"$'):
        require_zmq("pair", drafts=False)


def test_without_drafts_the_sentence_ends_with_the_command_that_enables_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    zmq = pytest.importorskip("zmq")
    monkeypatch.setattr(zmq, "DRAFT_API", False)
    with pytest.raises(MissingDependency, match=r"racecheck doctor --enable zmq-draft$"):
        require_zmq("clientserver", drafts=True)
    require_zmq("pushpull", drafts=False)
