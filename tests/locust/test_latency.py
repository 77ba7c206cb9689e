"""The histogram, the program that measures, and the worst latency over all schedules."""

from __future__ import annotations

import math
import threading
import time
from xml.etree import ElementTree

import pytest

pytest.importorskip("zmq")
pytest.importorskip("msgpack")

from pytest_racecheck import explore
from pytest_racecheck.errors import UsageError
from pytest_racecheck.locust.histogram import BINS_S, bar, bin_names, quantile, row, seconds, svg
from pytest_racecheck.locust.latency import main
from pytest_racecheck.locust.rig import wired

TRIES = 6


def worst_s(policy: str) -> float:
    """The longest that one heartbeat waits while the receiver tries six times, in any schedule.

    Every schedule with at most one preemption is run, in virtual time.
    """
    waits_s: list[float] = []

    def body() -> None:
        with wired(policy, "inproc") as rig:
            receiver = threading.Thread(target=lambda: [rig.link.recv() for _ in range(TRIES)])
            sender = threading.Thread(target=send, args=(rig.link,))
            receiver.start()
            sender.start()
            sender.join()
            rig.link.interrupt()
            receiver.join()
            rig.link.close()

    def send(link) -> None:
        due_s = time.monotonic()
        link.send(b"heartbeat")
        waits_s.append(time.monotonic() - due_s)

    finding = explore(
        body, strategy="bounded", preemptions=1, points="sync", executions=2000, seconds=60
    )
    assert finding.verdict == "ruled out", finding.report()
    return max(waits_s)


@pytest.mark.parametrize("ms", [1000, 300, 100, 10])
def test_with_a_time_out_the_worst_wait_is_every_try_of_the_receiver(ms: int) -> None:
    assert worst_s(f"lock_timeout({ms})") == pytest.approx(TRIES * ms / 1000, rel=0.02)


@pytest.mark.parametrize(
    ("policy", "bound_s"),
    [
        ("lock_timeout_yield(1000)", 2.1),  # one try, and one more for the one late wake-up
        ("lock_fair(1000)", 1.1),
        ("lock_dontwait(latest)", 0.1),
        ("single_owner_priority", 0.1),
    ],
)
def test_the_fixes_keep_their_bound_in_every_schedule(policy: str, bound_s: float) -> None:
    assert worst_s(policy) <= bound_s


def test_latencies_fall_into_bins_and_what_was_never_sent_is_counted() -> None:
    one = row("p", [0.0005, 0.001, 0.02, 5.0], unsent=2)
    assert one.counts == (2, 0, 0, 1, 0, 0, 0, 0, 1)
    assert (one.unsent, one.median_s, one.p90_s, one.worst_s) == (2, 0.001, 5.0, 5.0)
    assert math.isnan(row("p", [], unsent=3).worst_s)


def test_quantiles_are_values_that_occurred() -> None:
    assert [quantile([1, 2, 3, 4], share) for share in (0.0, 0.5, 0.51, 1.0)] == [1, 2, 3, 4]


def test_a_count_is_never_drawn_as_none() -> None:
    assert [bar(count, 1000) for count in (0, 1, 1000)] == ["·····", "█····", "█████"]
    assert bar(0, 0) == "·····"


def test_times_are_in_the_unit_that_fits() -> None:
    assert [seconds(value) for value in (0.0006, 0.2, 1.5, math.nan)] == [
        "0.6 ms",
        "200 ms",
        "1.50 s",
        "-",
    ]
    assert (bin_names()[0], bin_names()[-1]) == ("≤ 1 ms", "> 3 s")


def test_the_picture_has_a_bar_for_each_bin_that_is_not_empty() -> None:
    rows = [row("lock <a&b>", [0.0005, 0.02], unsent=0), row("q", [], unsent=2)]
    picture = ElementTree.fromstring(svg(rows, "Late & later"))
    bars = picture.findall(".//{*}rect/{*}title")
    assert [one.text for one in bars] == ["1 of 2", "1 of 2"]
    texts = [one.text for one in picture.iter() if one.tag.endswith("text")]
    assert "lock <a&b>" in texts
    assert "2 never" in texts
    assert len(bin_names()) == len(BINS_S)


def test_the_program_measures_shows_and_draws(tmp_path, capsys) -> None:
    words = ["--policy", "single_owner", "--policy", "lock_dontwait(latest)"]
    picture = tmp_path / "latency.svg"
    assert main([*words, "--seconds", "0.3", "--rate", "20", "--svg", str(picture)]) == 0
    shown = capsys.readouterr().out
    for word in ("single_owner", "lock_dontwait(latest)", "worst", "unsent", str(picture)):
        assert word in shown
    assert ElementTree.fromstring(picture.read_text()).tag.endswith("svg")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--policy", "magic"], "no policy 'magic'"),
        (["--seconds", "0"], "expected 0.1 to 86400, got 0"),
    ],
)
def test_a_mistake_is_one_sentence(words, sentence) -> None:
    with pytest.raises(UsageError, match=sentence):
        main(words)
