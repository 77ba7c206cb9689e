"""The order that is said to decide does: it was run, and the lines are those of the bug."""

from __future__ import annotations

import inspect
import re

import pytest

import minimise_programs as programs
from pytest_racecheck import explore
from twins import Box, together


def line_of(program, text, nth=0):
    """Where ``text`` stands in the source of ``program``, as "file.py:12"."""
    lines, begin = inspect.getsourcelines(program)
    found = [n for n, line in enumerate(lines) if text in line]
    return f"{inspect.getsourcefile(program).rpartition('/')[2]}:{begin + found[nth]}"


def orders(program, **plan):
    finding = explore(program, **{"strategy": "random", "executions": 2000, **plan})
    assert finding.explanation is not None, finding.report()
    return finding, finding.explanation.orders


#: program -> the lines before, between and after, which are those of the bug
BETWEEN = {
    programs.lost_update: ("box.value += 1", "box.value += 1", "box.value += 1"),
    programs.torn: ("pair.value = 1", "assert seen", "pair.other = -1"),
    programs.check_then_take: ("in items", "items.pop(", "items.pop("),
}


@pytest.mark.parametrize("program", BETWEEN, ids=lambda program: program.__name__)
def test_what_must_not_come_between_is_named(program):
    _, found = orders(program)
    assert len(found) == 1
    assert found[0].places == tuple(line_of(program, text) for text in BETWEEN[program])
    assert found[0].verified == ("fails", "passes after", "passes before")
    assert re.match(r"fails when .+ runs between .+; passes when it does not$", found[0].sentence)


def test_the_orders_of_a_failure_without_a_preemption_are_named():
    _, found = orders(programs.late_check)
    write, read = (line_of(programs.late_check, t) for t in ("box.value += ", "assert box"))
    assert {order.places for order in found} == {(write, read)}
    assert len(found) == 2, "one for each of those that add"
    assert all(order.verified == ("fails", "passes after") for order in found)
    assert all("runs before" in order.sentence for order in found)


def test_it_is_never_said_that_nothing_else_fails():
    for program in programs.FEWEST:
        finding, _ = orders(program)
        assert "only if" not in finding.report()


def test_a_program_that_always_fails_has_no_order_that_decides():
    def body():
        together(Box, Box)
        raise ValueError

    _, found = orders(body)
    assert found == ()


def test_a_second_setter_is_not_taken_for_the_reader():
    _, found = orders(lambda: programs.torn(4))
    assert found[0].places[1] == line_of(programs.torn, "assert seen")
