"""What the command line asks, made into jobs."""

import pytest

from pytest_racecheck.catalogue.find import select
from pytest_racecheck.catalogue.jobs import Wishes, jobs_for
from pytest_racecheck.errors import UsageError


def jobs(tiny, names=(), **wishes):
    return jobs_for(select(tiny.folder, names), Wishes(**wishes))


def with_transports(tiny):
    tiny.change("requires = []", 'requires = []\ntransports = ["inproc", "tcp"]')
    return tiny


def test_every_variant_runs_in_every_mode_it_declares(tiny):
    assert [job.title for job in jobs(tiny)] == [
        "tiny_counter/buggy controlled",
        "tiny_counter/buggy free",
        "tiny_counter/fixed controlled",
        "tiny_counter/fixed free",
    ]


def test_every_declared_transport_is_a_job(tiny):
    titles = [job.title for job in jobs(with_transports(tiny), ["tiny_counter/fixed"])]
    assert titles == [f"tiny_counter/fixed {way}" for way in (
        "controlled inproc", "controlled tcp", "free inproc", "free tcp"
    )]  # fmt: skip


def test_a_mode_and_a_transport_narrow_the_choice(tiny):
    titles = [job.title for job in jobs(with_transports(tiny), mode="free", transport="tcp")]
    assert titles == ["tiny_counter/buggy free tcp", "tiny_counter/fixed free tcp"]


def test_a_transport_of_the_scenario_may_be_asked_for_where_the_mode_declares_another(tiny):
    tiny.change("requires = []\nmodes", 'requires = []\ntransports = ["inproc", "tcp"]\nmodes')
    file = tiny.folder / "tiny_counter" / "scenario.toml"
    file.write_text(
        file.read_text().replace(
            "[workload.controlled]", '[workload.controlled]\ntransports = ["inproc"]'
        )
    )
    assert {job.transport for job in jobs(tiny, mode="controlled")} == {"inproc"}
    assert {job.transport for job in jobs(tiny, mode="controlled", transport="tcp")} == {"tcp"}
    with pytest.raises(UsageError, match="no chosen variant declares --transport ipc"):
        jobs(tiny, transport="ipc")


def test_budgets_replace_the_declared_ones(tiny):
    controlled, free, *_ = jobs(
        tiny, executions=7, seconds=1.5, strategy="pct", points="access", seed=4
    )
    bounds = controlled.promise.bounds
    assert (bounds.executions, bounds.seconds, bounds.strategy, bounds.points) == (
        7,
        1.5,
        "pct",
        "access",
    )
    assert bounds.preemptions is None
    assert (free.promise.runs, free.promise.control_runs, free.seed) == (7, 7, 4)


def test_the_commands_repeat_what_was_asked_for(tiny):
    with_transports(tiny)
    job = jobs(tiny, mode="free", transport="tcp", seed=3, points="access", scenarios="my dir")[0]
    options = ("--transport", "tcp", "--points", "access", "--seed", "3", "--scenarios", "my dir")
    assert job.replay_command("rc1:x") == (
        "racecheck", "replay", "tiny_counter/buggy", "rc1:x", *options,
    )  # fmt: skip
    assert job.run_command == (
        "racecheck", "run", "tiny_counter/buggy", "--mode", "free", *options,
    )  # fmt: skip
