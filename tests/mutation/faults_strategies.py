"""Faults of the strategies: schedules that are left out, drawn unevenly, or not repeatable."""

from __future__ import annotations

from tests.mutation.fault import Fault

_EXHAUSTIVE = "engine/strategies/test_exhaustive.py"
COUNTED = f"{_EXHAUSTIVE}::test_any_program_has_exactly_its_schedules_within_the_bound"
SEEDED = "engine/strategies/test_sampling.py::test_a_seed_decides_every_schedule"

FAULTS = (
    Fault(
        "bounded stops one preemption early",
        "engine/strategies/exhaustive.py",
        "last = self._bound is not None and spent >= self._bound",
        "last = self._bound is not None and spent + 1 >= self._bound",
        "a race of as many preemptions as the bound is not found",
        (COUNTED,),
    ),
    Fault(
        "the last alternative is dropped",
        "engine/strategies/exhaustive.py",
        "        for task in enabled:\n            if task is not chosen:\n                free.",
        "        for task in enabled[:-1]:\n"
        "            if task is not chosen:\n                free.",
        "not every schedule is run, and all are said to be",
        (COUNTED,),
    ),
    Fault(
        "the bound that was reached is one too many",
        "engine/strategies/exhaustive.py",
        'self.preemptions, self.grade = spent, "bounded"',
        'self.preemptions, self.grade = spent + 1, "bounded"',
        "it is said that schedules with one more preemption have run",
        (
            "engine/strategies/test_exhaustive.py::test_the_bound_reached_is_the_one_that_was_finished",
        ),
    ),
    Fault(
        "early time-outs are no schedules",
        "engine/strategies/exhaustive.py",
        "                self._beyond.append((self._path, task.index))\n        return chosen",
        "                pass\n        return chosen",
        "a time-out that fires early is never tried within a bound",
        (
            "engine/strategies/test_exhaustive.py::test_a_time_out_that_fires_early_is_within_a_bound",
        ),
    ),
    Fault(
        "priorities never change",
        "engine/strategies/pct.py",
        "change = self._change_at.get(self.made)",
        "change = self._change_at.get(-self.made)",
        "PCT finds bugs of depth one only, and promises more",
        ("engine/strategies/test_pct.py::test_there_are_at_most_depth_less_one_preemptions",),
    ),
    Fault(
        "who spins keeps his priority",
        "engine/strategies/pct.py",
        "            self._demote(current)",
        "            pass",
        "a task that only waits never lets the others move",
        ("engine/strategies/test_pct.py::test_a_task_that_only_waits_gives_way",),
    ),
    Fault(
        "races do not draw anew",
        "engine/strategies/pos.py",
        "                self._priority.pop(task.index, None)",
        "                pass",
        "POS is not even over the orders of racing operations",
        (
            "engine/strategies/test_evenness.py::test_pos_draws_anew_for_what_races_and_for_nothing_else",
        ),
    ),
    Fault(
        "operations done still count",
        "engine/strategies/surw.py",
        "max(self._left[task.index] - 1, 0)",
        "max(self._left[task.index], 0)",
        "SURW is not even over the interleavings of its object",
        (
            "engine/strategies/test_evenness.py::test_surw_is_even_over_the_interleavings_of_one_object",
        ),
    ),
    Fault(
        "a task counts nothing of what it will do",
        "engine/strategies/surw.py",
        "        self._left[task.index] = own\n",
        "        self._left[task.index] = 1\n",
        "SURW is not even over the interleavings of its object",
        (
            "engine/strategies/test_evenness.py::test_surw_is_even_over_the_interleavings_of_one_object",
        ),
    ),
    Fault(
        "the seed of the random walk is ignored",
        "engine/strategies/random_walk.py",
        'Random(f"{self._seed}/random/{n}")',
        'Random(f"0/random/{n}")',
        "another seed gives the same schedules",
        (SEEDED,),
    ),
    Fault(
        "the seed of SURW is ignored",
        "engine/strategies/surw.py",
        'Random(f"{self._seed}/surw/{n}")',
        "Random()",
        "the same seed gives other schedules",
        (SEEDED,),
    ),
    Fault(
        "every walk is the same one",
        "engine/strategies/pos.py",
        'Random(f"{self._seed}/pos/{n}")',
        'Random(f"{self._seed}/pos")',
        "a thousand executions are one",
        (
            "engine/strategies/test_sampling.py::test_a_sampler_finds_a_shallow_race_and_accuses_no_correct_program",
        ),
    ),
    Fault(
        "the portfolio claims a bound of its own",
        "engine/strategies/portfolio.py",
        "return self._systematic.preemptions",
        "return len(self._others)",
        "it is said that schedules have run of which a few were drawn",
        (
            "engine/strategies/test_portfolio.py::"
            "test_the_bound_that_was_finished_is_that_of_the_systematic_member",
        ),
    ),
)
