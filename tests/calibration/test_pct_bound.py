"""The stated miss probability against the measured one, over programs whose bugs have known depths.

One execution hits a bug with an unknown probability h, and states that h is at least s.  In m
executions there were x hits; were h >= s, so few or fewer would come with probability at most
P(Bin(m, s) <= x).  A program accuses the bound when that is below ``ALPHA`` / number of programs
(Bonferroni), so a right bound is accused by any of them with probability at most ``ALPHA``.  One
program may be too mild a judge, so all programs of one family are judged together as well: their
hits are a sum of independent draws, of which few are no likelier than under a binomial of the same
mean (Hoeffding 1956).  Executions are independent, so a bound that is right for one is right for N.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import pytest

from depth_programs import DepthProgram, Step, depth_of, generated, orders
from pytest_racecheck.diagnosis.control import controlled_runner
from pytest_racecheck.diagnosis.plan import Plan
from pytest_racecheck.engine.strategies.exhaustive import Exhaustive
from pytest_racecheck.engine.strategies.pct import PCT
from pytest_racecheck.engine.strategies.promise import hit
from pytest_racecheck.free.binomial import at_most

ALPHA = 1e-3
DEPTHS = (1, 2, 3)


@dataclass(frozen=True)
class Measured:
    """``hits`` in the ``counted`` executions, of n ``tasks`` and places from k ``choices``."""

    program: DepthProgram
    tasks: int
    choices: int
    counted: int
    hits: int

    def stated(self, less: int = 0) -> float:
        """How likely a hit is at least; with ``less``, as if the bug were less deep by that."""
        return hit(self.tasks, self.choices, max(self.program.depth - less, 1))


def measure(program: DepthProgram, executions: int, seed: int) -> Measured:
    """Run the program, and check each time that it failed when its constraints were met."""
    noted: list[Step] = []
    drawn = []
    strategy = PCT(seed, program.depth)
    with controlled_runner(lambda: program.body(noted), Plan(points=program.level)) as runner:
        for decider in islice(strategy.deciders(), executions):
            execution = runner.execute(decider)
            failed = bool(execution.failures)
            assert failed == program.fails(noted), (program, noted, execution.failures)
            assert len(noted) == sum(program.steps)
            drawn.append((decider.assumed[1], failed))
    promise = strategy.promise
    assert promise.broken is None
    choices = drawn[-1][0]  # those that were drawn from as many as the last one
    counted = [failed for assumed, failed in drawn if assumed == choices >= promise.choices]
    assert len(counted) <= promise.counted(program.depth)
    return Measured(program, promise.tasks, choices, len(counted), sum(counted))


def accusers(measured: list[Measured], less: int = 0) -> list[Measured]:
    """The programs that accuse the bound."""
    alpha = ALPHA / len(measured)
    return [m for m in measured if at_most(m.hits, m.counted, m.stated(less)) < alpha]


def families(measured: list[Measured]) -> dict[tuple[int, bool], list[Measured]]:
    """By depth, and by whether they are narrow."""
    found: dict[tuple[int, bool], list[Measured]] = {}
    for one in measured:
        found.setdefault((one.program.depth, one.program.narrow), []).append(one)
    return found


def together_accuse(measured: list[Measured], less: int = 0) -> list[tuple[int, bool]]:
    """The families of which all programs together do."""
    found = []
    by_family = families(measured)
    for family, ours in by_family.items():
        runs, hits = sum(m.counted for m in ours), sum(m.hits for m in ours)
        mean = sum(m.counted * m.stated(less) for m in ours)
        if hits <= mean - 1 and at_most(hits, runs, mean / runs) < ALPHA / len(by_family):
            found.append(family)
    return found


def told(measured: list[Measured]) -> str:
    """What docs/benchmarks.md quotes: how often a hit was stated, at least, and measured."""
    lines = []
    for (depth, narrow), ours in families(measured).items():
        hits, runs = sum(m.hits for m in ours), sum(m.counted for m in ours)
        stated = sum(m.counted * m.stated() for m in ours)
        lines.append(
            f"depth {depth}{' narrow' if narrow else ''}: {len(ours)} programs, {runs} executions, "
            f"{hits} hits, stated at least {stated:.0f}, ratio {hits / stated:.2f}"
        )
    return "\n".join(lines)


def measured_of(programs: int, executions: int, seed: int) -> list[Measured]:
    return [
        measure(program, executions * depth, seed + n)
        for depth in DEPTHS
        for n, program in enumerate(islice(generated(seed, depth), programs))
    ]


def test_a_few_programs_do_not_accuse_the_bound_and_do_accuse_a_wrong_one():
    measured = measured_of(programs=5, executions=60, seed=1)
    assert accusers(measured) == []
    assert together_accuse(measured) == []
    assert accusers(measured, less=1) or together_accuse(measured, less=1)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_miss_bound_is_never_below_what_is_measured():
    measured = measured_of(programs=168, executions=100, seed=0)
    print(told(measured))
    assert len({one.program for one in measured}) >= 500
    assert accusers(measured) == []
    assert together_accuse(measured) == []
    # The same test with a bound that is wrong, of depth d - 1 in place of d, has to fail.
    wrong = accusers(measured, less=1)
    print(f"a bound for depth d - 1 is accused by {len(wrong)} of them")
    assert len(wrong) >= 20
    assert set(together_accuse(measured, less=1)) >= {(2, True), (3, True)}


@pytest.mark.parametrize("depth", DEPTHS)
def test_the_depth_of_a_program_is_that_of_its_orders(depth):
    for program in islice(generated(5, depth), 3):
        all_orders = orders(program.steps)
        positions = [{step: n for n, step in enumerate(order)} for order in all_orders]
        failing = sum(1 << n for n, order in enumerate(all_orders) if program.fails(order))
        assert depth_of(program.steps, failing, positions) == depth
        assert len(program.constraints) == depth


@pytest.mark.parametrize("level", ["sync", "access"])
def test_every_order_of_the_steps_can_come(level):
    program = DepthProgram(level, (2, 2), (((0, 0), (1, 1)), ((1, 0), (0, 1))), 2)
    noted: list[Step] = []
    seen, failing = set(), set()
    with controlled_runner(lambda: program.body(noted), Plan(points=level)) as runner:
        for decider in Exhaustive(3).deciders():
            execution = runner.execute(decider)
            seen.add(tuple(noted))
            if execution.failures:
                failing.add(tuple(noted))
    assert seen == {tuple(order) for order in orders(program.steps)}
    assert failing == {order for order in seen if program.fails(order)}
    assert failing
    assert failing != seen
