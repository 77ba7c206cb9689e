"""The count of what was sent and what arrived: gaps, repeats, losses, silent senders."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Account:
    """One sender: highest number sent, highest received, and how many pings arrived."""

    sent: int = 0
    received: int = 0
    arrived: int = 0
    gaps: int = 0
    repeats: int = 0


@dataclass
class Ledger:
    """All senders, numbered from 1; each field has one writer thread, readers only look."""

    senders: int
    msgs: int
    exit_sent: bool = False
    exit_received: bool = False
    accounts: dict[int, Account] = field(init=False)

    def __post_init__(self) -> None:
        self.accounts = {number: Account() for number in range(1, self.senders + 1)}

    def receive(self, sender: int, sequence: int) -> str | None:
        """Book one ping; the sentence to print when its number is not the next one."""
        account = self.accounts[sender]
        expected = account.received + 1
        account.arrived += 1
        if sequence < expected:
            account.repeats += 1
        else:
            account.received = sequence
            account.gaps += sequence > expected
        if sequence == expected:
            return None
        return f"Thread {sender} received # {sequence}, expected # {expected}"

    def moved(self) -> int:
        """A number that grows with every message sent or received: the sign of progress."""
        return sum(account.sent + account.arrived for account in self.accounts.values())

    def complete(self) -> bool:
        """Whether every ping of every sender arrived once, and the exit message too."""
        every = all(a.arrived == self.msgs and not a.repeats for a in self.accounts.values())
        return every and self.exit_received

    def totals(self) -> list[str]:
        """One line for each sender: highest number sent and received."""
        return [
            f"Thread {number} sent # {account.sent}, received # {account.received}"
            for number, account in self.accounts.items()
        ]

    def unfinished(self) -> list[str]:
        """The lines of ``totals`` for the senders that did not get everything across."""
        return [
            line
            for line, account in zip(self.totals(), self.accounts.values(), strict=True)
            if account.sent != self.msgs or account.received != self.msgs or account.gaps
        ]

    def summary(self) -> str:
        """One sentence: how many of the expected pings arrived, and who lost some."""
        arrived = sum(a.arrived for a in self.accounts.values())
        expected = self.senders * self.msgs
        if arrived == expected:
            return f"{arrived} of {expected} messages arrived"
        hit = sum(a.arrived < self.msgs for a in self.accounts.values())
        silent = sum(a.arrived == 0 for a in self.accounts.values())
        return (
            f"{arrived} of {expected} messages arrived, {expected - arrived} did not: "
            f"{hit} of {self.senders} threads lost some, {silent} of them everything"
        )

    def about_exit(self) -> list[str]:
        """What became of the exit message, when that explains something: at most one sentence."""
        if self.exit_sent and not self.exit_received:
            return ["The exit message did not arrive."]
        late = sum(a.received < a.sent for a in self.accounts.values())
        if self.exit_received and late:
            return [
                f"The exit message arrived before the last pings of {late} threads: "
                "a longer -sleep hides that, it does not order them."
            ]
        return []
