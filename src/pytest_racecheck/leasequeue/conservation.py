"""What went into a queue against what came out: nothing lost, nothing twice, order kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any


class Ledger:
    """The accepted messages of each partition, in the order in which they were accepted."""

    def __init__(self) -> None:
        self._accepted: list[tuple[int, int]] = []

    def accept(self, part: int, numbers: Iterable[int]) -> None:
        """Note messages whose acknowledgement has been committed."""
        self._accepted.extend((part, number) for number in numbers)

    def verify(self, pushed: Sequence[tuple[int, int]], *, complete: bool = True) -> None:
        """AssertionError unless ``pushed``, as (partition, id) in order, is what was accepted.

        ``complete=False`` allows that some are not yet; none may be missing in between.
        """
        twice = sorted(message for message, n in Counter(self._accepted).items() if n > 1)
        assert not twice, f"accepted more than once: {twice}"
        for part in sorted({part for part, _ in [*pushed, *self._accepted]}):
            sent = [number for of, number in pushed if of == part]
            came = [number for of, number in self._accepted if of == part]
            assert set(came) <= set(sent), f"partition {part}: never pushed: {came}"
            assert came == sent[: len(came)], (
                f"partition {part}: out of order or with a gap: {came}"
            )
            lost = sent[len(came) :]
            assert not complete or not lost, f"partition {part}: lost {lost}"


def pushed_messages(connection: Any) -> list[tuple[int, int]]:
    """What is committed in the table of messages, as (partition, id) in order."""
    found = connection.execute("select part, id from message order by part, id")
    return [(int(part), int(number)) for part, number in found.fetchall()]
