"""A lock with a queue: who gives it back while another waits cannot take it again before him."""

from __future__ import annotations

import threading
from collections import deque


class FairLock:
    """First come, first served; the ticket lock, with a lock of its own for each ticket."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._tickets: deque[threading.Lock] = deque()

    def __enter__(self) -> FairLock:
        with self._guard:
            if not self._held:
                self._held = True
                return self
            ticket = threading.Lock()
            ticket.acquire()
            self._tickets.append(ticket)
        ticket.acquire()  # until the holder before us calls it: it stays held, and is ours now
        return self

    def __exit__(self, *_: object) -> None:
        with self._guard:
            if self._tickets:
                self._tickets.popleft().release()
            else:
                self._held = False
