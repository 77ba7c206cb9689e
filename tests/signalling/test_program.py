"""The programs as a user starts them: small, in child processes, judged by words and status."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("zmq")

from pytest_racecheck.zmq_draft import draft_site

NOTHING_IS_LOST = ["pushpull", "dealer_router", "dealer_dealer", "xpub"]
SMALL = "-threads 2 -msgs 20 -sleep 0.5"
PATIENCE_S = 60


def command(program: str, options: str) -> list[str]:
    return [sys.executable, "-m", f"pytest_racecheck.signalling.{program}", *options.split()]


def run(program: str, options: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(program, options),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env={**os.environ, **env},
    )


@pytest.mark.parametrize("program", NOTHING_IS_LOST)
def test_a_kind_that_loses_nothing_ends_with_status_0(program: str) -> None:
    finished = run(program, SMALL)
    assert (finished.returncode, finished.stderr) == (0, "")
    first, using, sleeping, *rest = finished.stdout.splitlines()
    assert first.startswith("Using libzmq version ")
    assert using.startswith("Using ")
    assert using.endswith(" sockets")
    assert sleeping == "Sleeping for 0.5 seconds at shutdown"
    assert rest[0] == "Waiting..."
    assert rest[1:3] == [f"Thread {number} sent # 20, received # 20" for number in (1, 2)]
    assert rest[3].startswith("40 of 40 messages arrived")


@pytest.mark.slow
@pytest.mark.parametrize("program", NOTHING_IS_LOST)
@pytest.mark.parametrize("options", ["-transport tcp", "-poll", "-mutex -transport tcp"])
def test_the_same_over_tcp_with_poll_and_with_a_mutex(program: str, options: str) -> None:
    finished = run(program, f"-threads 20 -msgs 100 {options}")
    assert (finished.returncode, finished.stderr) == (0, "")


def test_quiet_says_nothing_of_what_went_well() -> None:
    finished = run("pushpull", SMALL + " -quiet -poll")
    assert finished.stdout.splitlines()[2:] == [
        "Sleeping for 0.5 seconds at shutdown",
        "Polling after connect",
        "Waiting...",
    ]


def test_debug_says_every_message() -> None:
    finished = run("dealer_dealer", "-threads 1 -msgs 2 -sleep 0.5 -debug")
    for line in ("Thread 1 sent # 2", "Thread 1 received # 2"):
        assert line in finished.stdout.splitlines()


def test_a_pair_that_reconnects_hangs_and_says_who_is_stuck_where() -> None:
    finished = run("pair", "-threads 1 -msgs 20000 -quiet -deadline 0.5")
    assert finished.returncode == 1
    assert "Waiting..." not in finished.stdout
    assert finished.stdout.splitlines()[-1].startswith("Thread 1 sent # ")
    assert "Hang: nothing was sent or received for 0.5 seconds." in finished.stderr
    sender = finished.stderr.index("sender 1 is stuck in")
    assert "socket.send(message)" in finished.stderr[sender:]
    assert "main loop is stuck in" in finished.stderr
    assert "poller.poll()" in finished.stderr


def test_a_mutex_does_not_save_it() -> None:
    finished = run("pair", "-threads 3 -msgs 20000 -quiet -mutex -poll -deadline 0.5")
    assert finished.returncode == 1
    assert "Hang: " in finished.stderr


def test_pub_loses_first_messages_and_says_so() -> None:
    finished = run("pubsub", "-threads 30 -msgs 1000 -quiet -deadline 0.5")
    assert finished.returncode == 1
    assert "expected # 1" in finished.stdout
    assert " did not: " in finished.stderr


def test_an_exit_message_that_overtakes_is_a_loss() -> None:
    finished = run("pushpull", "-threads 30 -msgs 3000 -sleep 0 -quiet")
    assert finished.returncode == 1
    assert "The exit message arrived before the last pings" in finished.stderr


def test_a_mistake_on_the_command_line_is_one_sentence_and_status_2() -> None:
    finished = run("pair", "-threads many")
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr == (
        "pair: argument -threads: expected a whole number, got 'many'; see pair -help\n"
    )


def test_help_names_the_options_and_ends_with_status_0() -> None:
    finished = run("xpub", "-help")
    assert finished.returncode == 0
    for option in ("-threads", "-msgs", "-poll", "-sleep", "-linger", "-mutex", "-deadline"):
        assert option in finished.stdout


def test_ctrl_c_ends_a_hanging_program_without_a_traceback() -> None:
    with subprocess.Popen(
        command("pair", "-threads 1 -deadline 3600"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        while not child.stdout.readline().startswith("Sleeping for"):
            pass
        child.send_signal(signal.SIGINT)
        _, stderr = child.communicate(timeout=PATIENCE_S)
    assert (child.returncode, stderr) == (130, "")


def test_without_drafts_client_and_server_cannot_be_run_here(tmp_path: Path) -> None:
    finished = run("clientserver", "", XDG_CACHE_HOME=str(tmp_path), HOME=str(tmp_path))
    assert finished.returncode == 3
    assert finished.stderr.rstrip().endswith("racecheck doctor --enable zmq-draft")


def test_with_drafts_client_and_server_lose_nothing() -> None:
    site = draft_site()
    if site is None:
        pytest.skip("no libzmq with drafts here: racecheck doctor --enable zmq-draft")
    finished = run("clientserver", SMALL, RACECHECK_ZMQ_DRAFT_SITE=str(site))
    assert (finished.returncode, finished.stderr) == (0, "")
    assert "Using client/server sockets" in finished.stdout
