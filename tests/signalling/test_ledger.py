"""The books of one run: gaps, repeats, losses, and the words for them."""

from __future__ import annotations

from pytest_racecheck.signalling.ledger import Ledger


def ledger_with(*received: tuple[int, int], senders: int = 2, msgs: int = 3) -> Ledger:
    ledger = Ledger(senders, msgs)
    for account in ledger.accounts.values():
        account.sent = msgs
    for sender, sequence in received:
        ledger.receive(sender, sequence)
    return ledger


ALL = [(1, 1), (2, 1), (1, 2), (1, 3), (2, 2), (2, 3)]


def test_everything_once_and_in_order_is_complete_when_the_exit_message_came() -> None:
    ledger = ledger_with(*ALL)
    assert not ledger.complete()
    ledger.exit_received = True
    assert ledger.complete()
    assert ledger.summary() == "6 of 6 messages arrived"
    assert ledger.unfinished() == []
    assert ledger.about_exit() == []


def test_a_gap_is_told_in_the_words_of_the_document() -> None:
    assert ledger_with().receive(1, 3) == "Thread 1 received # 3, expected # 1"
    assert ledger_with((1, 1)).receive(1, 2) is None


def test_a_repeated_message_is_not_complete_although_the_count_fits() -> None:
    ledger = ledger_with(*ALL[:-1], (1, 3))
    ledger.exit_received = True
    assert ledger.accounts[1].repeats == 1
    assert not ledger.complete()


def test_the_summary_counts_the_lost_and_the_silent() -> None:
    ledger = ledger_with((1, 3))
    assert ledger.summary() == (
        "1 of 6 messages arrived, 5 did not: 2 of 2 threads lost some, 1 of them everything"
    )
    assert ledger.totals() == ["Thread 1 sent # 3, received # 3", "Thread 2 sent # 3, received # 0"]
    assert ledger.unfinished() == ledger.totals(), "a gap counts although the last one arrived"


def test_an_exit_message_that_did_not_arrive_is_said() -> None:
    ledger = ledger_with(*ALL)
    ledger.exit_sent = True
    assert ledger.about_exit() == ["The exit message did not arrive."]


def test_an_exit_message_before_the_last_pings_is_said() -> None:
    ledger = ledger_with(*ALL[:4])
    ledger.exit_sent = ledger.exit_received = True
    [sentence] = ledger.about_exit()
    assert "before the last pings of 1 threads" in sentence


def test_progress_grows_with_what_is_sent_and_what_arrives() -> None:
    ledger = Ledger(1, 3)
    assert ledger.moved() == 0
    ledger.accounts[1].sent = 2
    ledger.receive(1, 1)
    assert ledger.moved() == 3
