"""Delays and faults at a place: the call comes late, fails, is left out, twice or overtaken."""

from __future__ import annotations

import copy
import errno
import random
import socket
from collections.abc import Callable
from typing import Any

from pytest_racecheck.errors import Misplaced
from pytest_racecheck.faults.injection import Injection, Proceed, is_number
from pytest_racecheck.faults.places import AFTER
from pytest_racecheck.faults.waiting import pause, reach

#: Milliseconds; two of them: drawn evenly between; a function is given the dice.
Milliseconds = float | tuple[float, float] | Callable[[random.Random], float]
_MOST_MS = 86_400_000.0


class Delay(Injection):
    """Whoever comes to the place waits there, in virtual time under control."""

    def __init__(self, where: str, ms: Milliseconds, **options: Any) -> None:
        self._ms = ms
        self.what = f"delay of {_told(ms)} ms"
        super().__init__(where, **options)

    def act(self) -> None:
        """Wait."""
        ms = self._drawn()
        pause(ms / 1000, f"{ms:g} ms (delay at {self.place.where})")

    def _drawn(self) -> float:
        if isinstance(self._ms, tuple):
            return self.dice().uniform(*self._ms)
        if not callable(self._ms):
            return float(self._ms)
        drawn = self._ms(self.dice())
        if not _is_time(drawn):
            raise Misplaced(f"ms at {self.place.where!r}: it drew {drawn!r}, no time to wait")
        return float(drawn)


def _told(ms: Any) -> str:
    if callable(ms):
        return f"{getattr(ms, '__name__', 'drawn')}()"
    both = ms if isinstance(ms, tuple) and len(ms) == 2 else (ms,)
    if not all(_is_time(one) for one in both) or both[0] > both[-1]:
        raise Misplaced(
            f"ms={ms!r:.60}: expected milliseconds, 0 or more; two of them, the smaller first; or "
            "a function of the dice (random.Random) that draws them"
        )
    return " to ".join(f"{one:g}" for one in both)


def _is_time(ms: Any) -> bool:
    return is_number(ms) and 0 <= ms <= _MOST_MS


class Fault(Injection):
    """The call at the place goes wrong: see ``fault``."""

    def __init__(self, where: str, exc: Any, *, returns: Any = None, **options: Any) -> None:
        self._exc, self._returns = exc, returns
        self._held: list[Proceed] = []
        self.what = f"fault {_named(exc)}"
        super().__init__(where, **options)
        self._refuse(where)

    def begin(self) -> None:
        """Nothing is held back."""
        self._held = []

    def around(self, proceed: Proceed, args: tuple[Any, ...]) -> Any:
        """Let the call go wrong."""
        if self._held:  # this is the call that overtakes
            value = proceed()
            self._catch_up()
            return value
        after = self.place.when == AFTER
        value = proceed() if after else None
        if not self.fires():
            return value if after else proceed()
        reach(f"{self.what} at {self.place.where}")
        if not isinstance(self._exc, str):
            raise self._made()
        if self._exc == "drop":
            return self._returns
        return _KINDS[self._exc](self, proceed, args)

    def end(self, quiet: bool) -> None:
        """What was held back, and that nobody overtook, is done now."""
        if quiet:
            self._catch_up()

    def twice(self, proceed: Proceed, _: tuple[Any, ...]) -> Any:
        """Two calls; the first one's value."""
        value = proceed()
        proceed()
        return value

    def hold_back(self, proceed: Proceed, _: tuple[Any, ...]) -> Any:
        """The caller goes on; the call is made after the next one here."""
        self._held.append(proceed)
        return self._returns

    def disconnected(self, proceed: Proceed, args: tuple[Any, ...]) -> Any:
        """The connection of the object called is cut, and then it is called."""
        return proceed() if args and _cut(args[0]) else self._reset()

    def _reset(self) -> Any:
        raise ConnectionResetError(errno.ECONNRESET, f"disconnected at {self.place.where}")

    def _catch_up(self) -> None:
        held, self._held = self._held, []
        for proceed in held:
            proceed()

    def _made(self) -> BaseException:
        if isinstance(self._exc, type):
            made: BaseException = self._exc(f"injected at {self.place.where}")
            return made
        again: BaseException = copy.copy(self._exc)  # a raise adds to the traceback of its error
        return again

    def _refuse(self, where: str) -> None:
        """A mistake that shows only when the place is known; nothing stays armed."""
        why = None
        if isinstance(self._exc, str) and self.place.is_probe and self._exc != "disconnect":
            why = f"a probe has no call to {self._exc}; name a function"
        elif self._exc in ("duplicate", "reorder", "disconnect") and self.place.when == AFTER:
            why = f"{self._exc!r} cannot be :after the call; leave that away"
        if why is not None:
            self.disarm(complain=False)
            raise Misplaced(f"where={where!r:.80}: {why}")


_KINDS: dict[str, Callable[[Fault, Proceed, tuple[Any, ...]], Any]] = {
    "duplicate": Fault.twice,
    "reorder": Fault.hold_back,
    "disconnect": Fault.disconnected,
}


def _named(exc: Any) -> str:
    if isinstance(exc, str) and (exc == "drop" or exc in _KINDS):
        return exc
    if isinstance(exc, type) and issubclass(exc, BaseException):
        return exc.__name__
    if isinstance(exc, BaseException):
        return type(exc).__name__
    kinds = ", ".join(repr(one) for one in ("drop", *_KINDS))
    raise Misplaced(f"fault {exc!r:.60}: expected an exception to raise, or one of {kinds}")


def _cut(connection: Any) -> bool:
    """End the connection under its owner, as the network would; False when there is no way."""
    if isinstance(connection, socket.socket):
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError as error:
            if error.errno != errno.ENOTCONN:
                raise
        return True
    if type(connection).__module__.startswith("zmq.") and hasattr(connection, "last_endpoint"):
        endpoint = connection.last_endpoint.rstrip(b"\0").decode()
        if endpoint:
            try:
                connection.disconnect(endpoint)
            except OSError:  # zmq.ZMQError is one: it was bound, not connected
                connection.unbind(endpoint)
        return True
    return False
