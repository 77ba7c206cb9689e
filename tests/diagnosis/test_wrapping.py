"""Folding: no line too wide, nothing lost, nothing broken that has to be copied."""

from __future__ import annotations

import pytest

from pytest_racecheck.diagnosis.timeline import cells
from pytest_racecheck.diagnosis.wrapping import wrap

WORDS = "the quick brown fox jumps over the lazy dog " * 5


@pytest.mark.parametrize("width", [20, 33, 80])
def test_lines_fit_and_say_the_same(width):
    lines = wrap(WORDS, width, "    ", "> ")
    assert max(map(len, lines)) <= width
    assert lines[0].startswith("> the")
    assert all(line.startswith("    ") for line in lines[1:])
    assert " ".join("".join(lines).replace(">", "").split()) != ""
    assert " ".join(" ".join(lines)[2:].split()) == WORDS.strip()


@pytest.mark.parametrize("width", [20, 41, 80])
def test_wide_characters_count_twice(width):
    lines = wrap("値が違う" * 30, width, "  ")
    assert max(map(cells, lines)) <= width
    assert "".join(line.strip() for line in lines) == "値が違う" * 30


def test_a_long_word_of_ascii_is_never_broken():
    path = "/a/very/long/path/" * 9
    assert path in wrap(f"see {path} there", 30, "  ")[1]


def test_spaces_inside_a_line_stay():
    assert wrap("REPRODUCED  after", 40, "") == ["REPRODUCED  after"]


def test_each_line_of_a_text_begins_anew_with_its_own_indent():
    assert wrap("one\n  two\n\nthree", 40, "  ") == ["one", "    two", "", "  three"]


def test_nothing_is_one_empty_line():
    assert wrap("", 40, "  ") == [""]
