"""Faults of the diagnosis: verdicts and explanations that say more than was run."""

from __future__ import annotations

from tests.mutation.fault import Fault

FAULTS = (
    Fault(
        "the minimiser accepts another failure",
        "diagnosis/minimise.py",
        "return same_failure(self._first, execution.failures[0])",
        "return True",
        "the schedule that is told belongs to another failure than the one found",
        ("diagnosis/test_minimise.py::test_a_simpler_schedule_with_another_failure_is_not_taken",),
    ),
    Fault(
        "a critical pair is not tried the other way",
        "diagnosis/critical_pair.py",
        "return not execution.failures and execution.divergence is None",
        "return execution is not None",
        "an order is said to decide although it fails either way",
        (
            "diagnosis/test_critical_pair.py::"
            "test_the_orders_of_a_failure_without_a_preemption_are_named",
        ),
    ),
    Fault(
        "ruled out although it diverged",
        "diagnosis/judgement.py",
        '    if found.divergence:\n        return f"{DIVERGED}',
        '    if found.divergence and found.failed:\n        return f"{DIVERGED}',
        "a body that draws dice is proved correct",
        ("diagnosis/test_find.py::test_a_schedule_that_depends_on_a_draw_is_noticed",),
    ),
    Fault(
        "ruled out although control was lost",
        "diagnosis/judgement.py",
        '    if found.lost:\n        return "control was lost: "',
        '    if found.lost and found.failed:\n        return "control was lost: "',
        "what nobody controlled is proved correct",
        ("engine/test_execution.py::test_a_loop_without_any_point_is_named",),
    ),
    Fault(
        "ruled out beside a thread that is not ours",
        "diagnosis/judgement.py",
        "    if found.uncontrolled:\n",
        "    if found.uncontrolled and found.failed:\n",
        "what another thread did is taken for controlled",
        (
            "adapters/test_threads.py::test_a_thread_outside_control_downgrades_the_verdict_and_is_named",
        ),
    ),
    Fault(
        "ruled out although the budget ended",
        "diagnosis/judgement.py",
        "elif reason is None and found.finished and found.grade is not None:",
        "elif reason is None and found.grade is not None:",
        "a part of the schedules is called all of them",
        ("engine/test_false_passes.py::test_a_search_that_its_budget_cuts_off_is_never_ruled_out",),
    ),
    Fault(
        "a bound is called everything",
        "diagnosis/judgement.py",
        'if found.grade == "exhausted"\n        else',
        'if found.grade != "statistical"\n        else',
        "a race of one preemption more is said not to be there",
        ("diagnosis/test_find.py::test_a_verdict_says_what_was_covered",),
    ),
    Fault(
        "any failure agrees with the first",
        "diagnosis/judgement.py",
        "if again.divergence is None and again.failures and same_failure(first, again"
        ".failures[0]):",
        "if again.divergence is None and again.failures:",
        "a replay that ends otherwise counts as one that agrees",
        ("diagnosis/test_find.py::test_replays_that_end_in_another_failure_do_not_agree",),
    ),
    Fault(
        "some replays are enough",
        "diagnosis/judgement.py",
        "return finding if agreeing == replays else _disagreeing(finding, why)",
        "return finding if agreeing else _disagreeing(finding, why)",
        "a failure that comes now and then is called reproduced",
        (
            "diagnosis/test_find.py::test_a_body_that_depends_on_more_than_the_schedule_is_inconclusive",
        ),
    ),
    Fault(
        "what is left over is called a race",
        "diagnosis/judgement.py",
        "if not runner.replay(passed).failures and not fails_straight(runner):",
        "if runner:",
        "a body that fails because of what it left behind is called reproduced",
        ("diagnosis/test_find.py::test_state_that_is_left_over_is_told_from_a_race",),
    ),
    Fault(
        "nothing is doubted",
        "diagnosis/suspects.py",
        "    doubt = inquiry.doubt(known)",
        "    doubt = inquiry and None",
        "a body that depends on the order of a set is proved correct",
        ("diagnosis/test_nondeterminism.py::test_what_decides_besides_the_schedule_is_noticed",),
    ),
    Fault(
        "a body without threads is ruled out",
        "diagnosis/judgement.py",
        "if reason is None and found.most_tasks < 2:",
        "if reason is None and found.most_tasks < 1:",
        "nothing was interleaved, and all of it is said to pass",
        ("diagnosis/test_find.py::test_a_body_without_threads_proves_nothing",),
    ),
)
