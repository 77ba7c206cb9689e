"""The text of a schedule: short, checked, and never more than data."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_racecheck import replay
from pytest_racecheck.engine.packing import MAX_TASK, pack, unpack
from pytest_racecheck.engine.schedule import (
    CHECK_EVERY,
    MAX_PACKED,
    MAX_TEXT,
    Schedule,
    check_digits,
    record,
    running_check,
)
from pytest_racecheck.engine.squeezing import MAX_SQUEEZED, loosen, squeeze
from pytest_racecheck.errors import UsageError
from twins import together

labels = st.text(max_size=12)
decisions = st.lists(st.tuples(st.integers(0, 300), st.integers(2, 9), labels), max_size=200)
quick = settings(max_examples=200, deadline=None, database=None, derandomize=True)


@given(st.sampled_from(["random", "pct", "exhaustive", "scripted"]), decisions)
@quick
def test_what_is_written_is_read_again(strategy, made):
    schedule = record(strategy, made)
    assert Schedule.parse(schedule.text()) == schedule
    assert schedule.choices == tuple(index for index, _, _ in made)
    assert len(schedule.checks) == 2 * -(-len(made) // CHECK_EVERY)


@given(decisions)
@quick
def test_the_text_is_one_line_of_plain_characters(made):
    text = record("random", made).text()
    assert text.isascii()
    assert text.isprintable()
    assert " " not in text


@given(decisions.filter(bool), st.data())
@quick
def test_other_operations_or_tasks_give_other_check_digits_most_of_the_time(made, data):
    at = data.draw(st.integers(0, len(made) - 1))
    index, options, label = made[at]
    changed = [*made[:at], (index, options, label + "!"), *made[at + 1 :]]
    check = other = 0
    for (one, _, said), (two, _, said_too) in zip(made, changed, strict=True):
        check, other = running_check(one, said, check), running_check(two, said_too, other)
    assert check != other, "the sum from which the digits are taken"
    assert len(check_digits(check)) == 2


@given(st.text(max_size=60))
@quick
def test_any_other_text_is_refused_in_one_sentence(text):
    refuse_or_read(text)


@given(st.from_regex(r"rc[0-9]{1,3}:[a-z_]*:[0-9x.]*:[0-9a-f]*", fullmatch=True))
@quick
def test_texts_that_are_nearly_right_are_refused_in_one_sentence(text):
    refuse_or_read(text)


@given(decisions, st.data())
@quick
def test_a_damaged_text_is_refused_or_another_schedule(made, data):
    text = record("random", made).text()
    at = data.draw(st.integers(0, len(text)))
    damaged = (
        text[:at] + data.draw(st.sampled_from(["", "x", "9", ":", "é", "\x00"])) + text[at + 1 :]
    )
    refuse_or_read(damaged)


def refuse_or_read(text):
    try:
        schedule = Schedule.parse(text)
    except UsageError as error:
        said = str(error)
        assert said
        assert "\n" not in said
        assert len(said) < 300
    else:
        assert Schedule.parse(schedule.text()) == schedule


HOSTILE = {
    "empty": "",
    "a word": "null",
    "JSON": '{"choices": [0]}',
    "pickle": "\x80\x04\x95",
    "no check digits": "rc1:random:0x3:",
    "too many check digits": "rc1:random:0x3:abcd",
    "upper case": "RC1:RANDOM:0:AB",
    "other version": "rc2:random:0:ab",
    "a packed text that is not packed": "rc2:random:AAAA:ab",
    "a packed text of an odd length": "rc2:random:A:ab",
    "a packed text cut off": "rc2:random:" + pack([1, 2, 3] * 90)[:-3] + ":" + "ab" * 16,
    "a packed text with more behind it": "rc2:random:" + pack([1]) + "AAAA:ab",
    "a packed bomb": "rc2:random:" + pack([0] * (MAX_PACKED + 1)) + ":" + "ab" * 16,
    "a packed task beyond all bounds": "rc2:random:" + pack([MAX_TASK + 1]) + ":ab",
    "a squeezed text that is not squeezed": "rc3:random:AAAA:ab",
    "a squeezed text of an odd length": "rc3:random:A:ab",
    "a squeezed text with nothing in it": "rc3:random::ab",
    "a squeezed text cut off": "rc3:random:" + squeeze([1, 2, 3, 7] * 90)[:-3] + ":" + "ab" * 16,
    "a squeezed text with more behind it": "rc3:random:" + squeeze([1]) + "AAAA:ab",
    "a squeezed bomb": "rc3:random:" + squeeze([0] * (MAX_SQUEEZED + 1)) + ":" + "ab" * 16,
    "a squeezed task beyond all bounds": "rc3:random:" + squeeze([MAX_TASK + 1]) + ":ab",
    "a huge squeezed text": "rc3:random:" + "A" * 400_000 + ":ab",
    "version of another age": "rc999:random:0:ab",
    "no version": "random:0:ab",
    "a name that is code": "rc1:__import__('os'):0:ab",
    "an empty run": "rc1:random:0..1:ab",
    "a run of none": "rc1:random:0x0:ab",
    "a negative task": "rc1:random:-1:ab",
    "a task beyond all bounds": "rc1:random:99999999:ab",
    "a bomb": "rc1:random:0x9999999:ab",
    "many bombs": "rc1:random:" + ".".join(["0x4999999"] * 50) + ":ab",
    "huge": "rc1:random:" + "0." * MAX_TEXT + "0:ab",
    "digits that are not ASCII": "rc1:random:٣:ab",
    "a number too long for int": "rc1:random:" + "1" * 5000 + ":ab",
    "escape codes": "\x1b[2Jrc1:random:0:ab",
    "two lines": "rc1:random:0:ab\nrc1:random:1:ab",
    "a byte order mark": "\ufeffrc1:random:0:ab",
    "a lone surrogate": "rc1:random:\ud800:ab",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_is_refused_in_one_sentence(name):
    with pytest.raises(UsageError) as refused:
        replay(lambda: together(int), HOSTILE[name])
    said = str(refused.value)
    assert said.isprintable(), "nothing in it may reach a terminal as a command"
    assert len(said) < 300


@pytest.mark.parametrize("text", [17, b"rc1:random:0:ab", ["rc1:random:0:ab"]])
def test_what_is_no_text_is_refused_in_one_sentence(text):
    with pytest.raises(UsageError, match="replay text"):
        replay(lambda: together(int), text)


def test_blanks_around_a_text_do_not_matter():
    assert Schedule.parse("  rc1:random:0x2.1:ab\n") == Schedule("random", (0, 0, 1), "ab")


def test_a_million_choices_fit_into_a_text():
    schedule = record("random", [(n // 50_000 % 3, 3, "step") for n in range(1_000_000)])
    assert len(schedule.text()) < MAX_TEXT
    assert Schedule.parse(schedule.text()) == schedule


# --------------------------------------------------------------------- packed and squeezed texts

CODES = {"packed": (pack, lambda text: unpack(text, 300)), "squeezed": (squeeze, loosen)}
#: A hundred tasks in turn, three choices each.
IN_TURN = [task for task in range(1, 101) for _ in range(3)] + [0]


@pytest.mark.parametrize("code", CODES)
@given(st.lists(st.integers(0, MAX_TASK), max_size=120))
@quick
def test_short_choices_are_read_again(code, choices):
    write, read = CODES[code]
    assert read(write(choices)) == tuple(choices)


@given(st.lists(st.sampled_from([0, 0, 1, 2, 2, 3]), min_size=4, max_size=60), st.data())
@quick
def test_a_squeezed_text_that_was_changed_is_noticed(choices, data):
    text = squeeze(choices)
    at = data.draw(st.integers(0, len(text) - 1))
    changed = text[:at] + data.draw(st.sampled_from(["", "A", "z", "-"])) + text[at + 1 :]
    if changed != text:
        with pytest.raises(UsageError, match="the replay text"):
            loosen(changed)


def test_a_hundred_alike_tasks_fit_into_a_hundred_characters():
    schedule = record("exhaustive", [(task, 2, "step") for task in IN_TURN])
    assert len(schedule.text()) <= 100
    assert schedule.text().startswith("rc3:exhaustive:")
    assert Schedule.parse(schedule.text()) == schedule


#: The same choices as each version has written them: a text never changes its meaning.
AGES = [
    ("rc1:pos:0.1x2.700000.2.0x2.2.1:ab", [0, 1, 1, 700_000, 2, 0, 0, 2, 1]),
    ("rc2:pos:Y2BkeHxHi5WZgZUFAA:ab", [0, 1, 1, 700_000, 2, 0, 0, 2, 1]),
    ("rc3:pos:yawOYOLAcon1Hgfw0FE:ab", [0, 1, 1, 700_000, 2, 0, 0, 2, 1]),
    ("rc2:pos:Y2RgYBxFxCFmAA:" + "ab" * 16, IN_TURN),
    ("rc3:pos:iK0AdLFaZw:" + "ab" * 16, IN_TURN),
]


@pytest.mark.parametrize(("text", "choices"), AGES)
def test_the_text_of_an_older_release_means_what_it_meant(text, choices):
    schedule = Schedule.parse(text)
    assert (schedule.strategy, schedule.choices) == ("pos", tuple(choices))


def test_a_short_text_stays_as_people_can_read_it():
    assert record("random", [(1, 2, "step")] * 16 + [(2, 2, "step")]).text().startswith("rc1:")


def test_a_long_text_of_an_older_release_is_still_read():
    made = [(n % 2, 2, "step") for n in range(600)]
    check, digits = 0, ""
    for n, (index, _, label) in enumerate(made, 1):
        check = running_check(index, label, check)
        digits += check_digits(check) if n % CHECK_EVERY == 0 or n == len(made) else ""
    old = "rc1:random:" + ".".join(str(index) for index, _, _ in made) + ":" + digits
    schedule = Schedule.parse(old)
    assert schedule.check_every == CHECK_EVERY
    assert record("random", made).check_every > CHECK_EVERY
    assert Schedule.parse(schedule.text()) == schedule
