"""The command line of the programs: the document's options, one sentence for a mistake."""

from __future__ import annotations

import pytest

from pytest_racecheck.errors import UsageError
from pytest_racecheck.signalling.options import parse


def test_without_options_the_programs_defaults_hold() -> None:
    options = parse("pair", "pair", [])
    assert (options.threads, options.msgs, options.sleep_s) == (10, 1000, 1)
    assert (options.linger_ms, options.transport) == (30_000, "inproc")
    assert {options.poll, options.mutex, options.debug, options.quiet} == {False}


def test_all_options_of_the_document_are_understood() -> None:
    given = "-threads 1 -msgs 2 -poll -sleep 3 -quiet -linger 4 -mutex -transport tcp"
    options = parse("pair", "pair", given.split())
    assert (options.threads, options.msgs, options.sleep_s, options.linger_ms) == (1, 2, 3, 4)
    assert options.poll
    assert options.quiet
    assert options.mutex
    assert options.transport == "tcp"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("-threads 0", "expected 1 to 10000, got 0"),
        ("-threads x", "expected a whole number, got 'x'"),
        ("-msgs -1", "expected 1 to 1e+09, got -1"),
        ("-sleep nan", "expected 0 to 86400, got nan"),
        ("-linger 1.5", "expected a whole number, got '1.5'"),
        ("-deadline 0", "expected 0.1 to 86400, got 0"),
        ("-transport ipc", "invalid choice: 'ipc'"),
        ("-bogus", "unrecognized arguments: -bogus"),
        ("-t 1", "ambiguous option: -t could match -threads, -transport"),
        ("-threads", "expected one argument"),
        ("-debug -quiet", "-debug and -quiet contradict each other"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_program_and_option(given: str, said: str) -> None:
    with pytest.raises(UsageError) as mistake:
        parse("pushpull", "push/pull", given.split())
    sentence = str(mistake.value)
    assert sentence.startswith("pushpull: ")
    assert said in sentence
    assert "\n" not in sentence


def test_a_slow_rate_makes_the_deadline_longer_than_two_messages() -> None:
    assert parse("pair", "pair", ["-rate", "0.1", "-deadline", "1"]).deadline_s == 20
