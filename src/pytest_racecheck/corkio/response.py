"""The response: cork, write, back-pressure, abort, end; strict mode raises where rules are broken.

The rules are those of uWebSockets: writes after an await belong in a cork; ``write`` returning
False has taken the chunk and asks for a stop; one handler for "writable" at a time; nothing may be
touched after end or abort.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

#: Above so many bytes that the client has not taken, ``write`` returns False.
HIGH_WATER = 64 * 1024


class Misuse(Exception):
    """A rule of the response was broken; ``rule`` is its short name."""

    def __init__(self, rule: str, said: str) -> None:
        super().__init__(said)
        self.rule = rule


class Response(asyncio.Protocol):
    """One connection, one chunked response; ``respond`` is called when the request is complete."""

    def __init__(
        self, respond: Callable[[Response], None], *, strict: bool, opened: list[Response]
    ) -> None:
        self.strict = strict
        self.broken: list[str] = []  # the rules, in the order in which they were broken
        self.most_buffered = 0
        self.taken = 0  # bytes of body that write accepted
        self.ended = self.aborted = False
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._respond, self._opened = respond, opened
        self._corked: list[bytes] | None = None
        self._in_handler = True  # the synchronous top part of the handler is corked
        self._request = b""
        self._on_writable: Callable[[], bool] | None = None
        self._on_aborted: Callable[[], None] | None = None
        self._full = False

    # --- for the handler -----------------------------------------------------------------------

    def cork(self, writes: Callable[[], None]) -> None:
        """Collect what ``writes`` writes, and hand it to the socket in one piece."""
        self._must_be_alive("cork")
        if self._corked is not None:
            writes()
            return
        self._corked = []
        try:
            writes()
        finally:
            pieces, self._corked = self._corked, None
            self._send(b"".join(pieces))

    def write(self, chunk: bytes) -> bool:
        """Take a chunk; False: it was taken, and no more should come before "writable"."""
        self._must_be_alive("write")
        if self._corked is None and not self._in_handler:
            self._breach("uncorked", "write outside a cork; write inside cork(...)")
        if self._full:
            self._breach("false ignored", "write after False; wait for on_writable")
        self.taken += len(chunk)
        self._put(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        return not self._full

    def end(self) -> None:
        """No more chunks."""
        self._must_be_alive("end")
        self.ended = True
        self._put(b"0\r\n\r\n")

    def on_writable(self, handler: Callable[[], bool]) -> None:
        """Call once the client has caught up; the handler returns whether it is done."""
        self._must_be_alive("on_writable")
        if self._on_writable is not None:
            self._breach("second handler", "a second on_writable; one at a time, that continues")
        self._on_writable = handler

    def on_aborted(self, handler: Callable[[], None]) -> None:
        """Call when the client leaves before the end."""
        self._on_aborted = handler

    # --- the transport's side ------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=HIGH_WATER, low=HIGH_WATER // 4)
        self._opened.append(self)

    def data_received(self, data: bytes) -> None:
        """A part of the request."""
        before, self._request = self._request, self._request + data
        if b"\r\n\r\n" in self._request and b"\r\n\r\n" not in before:
            self._transport.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            self._respond(self)
            self._in_handler = False

    def pause_writing(self) -> None:
        """The client is slow."""
        self._full = True

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._full = False
        handler = self._on_writable
        if handler is None or self.ended:
            return
        self._on_writable = None  # the handler may set its successor
        if not handler():
            self._keep(handler)

    def hang_up(self) -> None:
        """Drop the connection, whatever is still to be sent."""
        if not self.done.done():
            self._transport.abort()

    def connection_lost(self, _problem: Exception | None) -> None:
        """The client is gone."""
        self.aborted = not self.ended
        if self.aborted and self._on_aborted is not None:
            self._on_aborted()
        if not self.done.done():
            self.done.set_result(None)

    # --- rules ---------------------------------------------------------------------------------

    def _keep(self, handler: Callable[[], bool]) -> None:
        if self._on_writable is None:
            self._on_writable = handler

    def _put(self, data: bytes) -> None:
        if self._corked is not None:
            self._corked.append(data)
            self._note(sum(map(len, self._corked)))
        else:
            self._send(data)

    def _send(self, data: bytes) -> None:
        self._transport.write(data)
        self._note(0)
        if self.ended:
            self._transport.close()  # when all has been sent
        elif self._full and self._transport.get_write_buffer_size() <= HIGH_WATER:
            asyncio.get_running_loop().call_soon(self.resume_writing)  # the kernel took it all

    def _note(self, corked: int) -> None:
        buffered = corked + self._transport.get_write_buffer_size()
        self.most_buffered = max(self.most_buffered, buffered)
        if buffered > HIGH_WATER:
            self._full = True

    def _must_be_alive(self, verb: str) -> None:
        if self.ended or self.aborted:
            when = "end" if self.ended else "abort"
            self.broken.append(f"after {when}")
            raise Misuse(f"after {when}", f"{verb} after {when}; ask on_aborted, and stop there")

    def _breach(self, rule: str, said: str) -> None:
        self.broken.append(rule)
        if self.strict:
            raise Misuse(rule, said)
