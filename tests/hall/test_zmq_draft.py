"""Tests that a build is found where it lies, and that a damaged one counts as none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_racecheck import zmq_build, zmq_draft

DAMAGED = json.dumps(dict.fromkeys(zmq_draft.Draft.__annotations__, 1))


def enable(source: Path) -> zmq_draft.Draft:
    return zmq_build.enable(str(source), lambda _: None)


def test_without_a_build_there_is_no_site(cache):
    assert zmq_draft.draft_site() is None
    assert zmq_draft.enable_command() == "racecheck doctor --enable zmq-draft"


@pytest.mark.parametrize(
    "text", ["", "not json", "[]", DAMAGED, '{"site": "/x"}', '{"another": "key"}']
)
def test_a_damaged_note_counts_as_no_build(text, cache, pretend, libzmq_tar):
    enable(libzmq_tar)
    (note,) = cache.glob("*.json")
    note.write_text(text)
    assert zmq_draft.draft_site() is None
    assert enable(libzmq_tar).site == json.loads(note.read_text())["site"]


def test_a_note_whose_folders_are_gone_counts_as_no_build(cache, pretend, libzmq_tar):
    draft = enable(libzmq_tar)
    Path(draft.prefix).rename(cache / "elsewhere")
    assert zmq_draft.draft_site() is None


def test_another_version_of_pyzmq_needs_a_build_of_its_own(cache, pretend, libzmq_tar, monkeypatch):
    enable(libzmq_tar)
    monkeypatch.setattr(zmq_draft, "installed_pyzmq", lambda: "99.0")
    assert zmq_draft.draft_site() is None


def test_a_relative_cache_folder_is_not_followed(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/somebody")
    assert zmq_draft.cache_folders()[0] == Path("/somebody/.cache/pytest-racecheck/zmq-draft")
