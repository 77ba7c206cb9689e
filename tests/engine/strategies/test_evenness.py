"""What POS and SURW promise of their chances, measured where they can be reckoned by hand."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from math import sqrt

import pytest

from pytest_racecheck.diagnosis.control import controlled_runner
from pytest_racecheck.diagnosis.plan import Plan
from pytest_racecheck.engine.strategies.make import StrategyOptions, make_strategy
from pytest_racecheck.engine.strategies.pos import PartialOrderSampling
from pytest_racecheck.engine.task import Task
from twins import Box, together

SAMPLE = 1200


def is_about(count: int, chance: float, sample: int = SAMPLE) -> bool:
    """Within four standard deviations of what is expected."""
    return abs(count - sample * chance) <= 4 * sqrt(sample * chance * (1 - chance))


@pytest.mark.parametrize("writes", [1, 3, 5])
def test_surw_is_even_over_the_interleavings_of_one_object(writes):
    """Of n writes of one thread, 0 to n come before the one look of another: all alike."""
    seen: Counter[int] = Counter()

    def body():
        box = Box()

        def write():
            for number in range(writes):
                box.value = number + 1

        def look():
            # Not an item that is assigned to: it would be one more object to choose.
            found = box.value
            dict.__setitem__(seen, found, dict.get(seen, found, 0) + 1)

        together(write, look)

    deciders = make_strategy("surw", StrategyOptions(seed=5)).deciders()
    with controlled_runner(body, Plan(), None) as runner:
        for _ in range(SAMPLE):
            runner.execute(next(deciders))
    assert all(is_about(seen[before], 1 / (writes + 1)) for before in range(writes + 1)), seen


@pytest.mark.parametrize(("racing", "chance"), [(True, 1 / 8), (False, 1 / 4)])
def test_pos_draws_anew_for_what_races_and_for_nothing_else(racing, chance):
    """How often one operation is the last, beside three of another task.

    Where they race it has to lose three fair draws, otherwise to have the lowest of four.
    """
    one, other = Task(0, "main/0", "", None), Task(1, "main/1", "", None)
    one.pending = ("acquire", [], None)
    other.pending = ("acquire", one.pending[1] if racing else [], None)
    last = 0
    for decider in islice(PartialOrderSampling(5).deciders(), SAMPLE):
        for _ in range(3):
            if decider.pick([one, other], None, ()) is one:
                break
            decider.performed(other)
        else:
            last += 1
    assert is_about(last, chance), last
