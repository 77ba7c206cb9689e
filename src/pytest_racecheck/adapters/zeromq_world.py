"""What is known of the ZeroMQ sockets, contexts and endpoints of one execution."""

from __future__ import annotations

import os
import select
import weakref
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import zmq
from zmq.backend import Socket as BackendSocket

from pytest_racecheck.adapters.zeromq_background import Background
from pytest_racecheck.adapters.zeromq_outside import Errand
from pytest_racecheck.adapters.zeromq_owner import Stack, Use, site_of

#: libzmq's own answers, whatever stands in for the methods of ``zmq.Socket`` at the moment.
ask: Callable[[Any, int], Any] = BackendSocket.get
order: Callable[[Any, int, Any], None] = BackendSocket.set

T = TypeVar("T")

KEY = "_racecheck_record"
INPROC = "inproc"
TRANSPORTS = (INPROC, "tcp", "ipc")


@dataclass(eq=False, slots=True)
class Endpoint:
    """One address; a message through it is an edge of happens-before."""

    address: str
    transport: str
    wild: bool = False  # its port was found by the system, and differs from run to run
    connected: int = 0  # sockets of this process that connected to it


@dataclass(eq=False, slots=True)
class ContextRecord:
    """One context, named by birth."""

    name: str
    ref: Callable[[], Any]
    made_here: bool  # by a task of this execution, so it goes with it
    created_at: Stack
    sockets: list[SocketRecord] = field(default_factory=list)
    outside: bool = False  # I/O threads are at work
    foreign: bool = False  # a thread that is not under control uses it
    closings: int = 0
    lingers_ms: list[int] = field(default_factory=list)  # as asked for when sockets were closed
    errand: Errand | None = None  # libzmq's own end of the context, while it is under way

    def may_have_other_users(self) -> bool:
        """Whether a thread that is not under control may be inside one of its sockets."""
        if self.foreign or self.made_here:
            return self.foreign
        context = self.ref()
        return context is not None and any(
            not socket._closed and KEY not in socket.__dict__ for socket in list(context._sockets)
        )

    def open_sockets(self) -> list[SocketRecord]:
        """Sockets that nobody has closed, oldest first."""
        return [record for record in self.sockets if not record.closed]

    @property
    def __racecheck_name__(self) -> str:
        opened = ", ".join(
            f"{record.__racecheck_name__} (created at {site_of(record.created_at)})"
            for record in self.open_sockets()
        )
        return f"{self.name} with open {opened}" if opened else self.name


@dataclass(eq=False, slots=True)
class SocketRecord:
    """One libzmq socket (a shadow shares the record of what it shadows), named by birth."""

    title: str  # "PUSH#1"
    ref: Callable[[], Any]
    context: ContextRecord
    made_here: bool
    created_at: Stack
    thread_safe: bool
    mailbox: Callable[[int], list[Any]] | None  # polls its file descriptor; None: it has none
    closed: bool = False
    address: str = ""  # where it was last bound or connected to, for its name
    bound: list[Endpoint] = field(default_factory=list)
    connected: list[Endpoint] = field(default_factory=list)
    channels: tuple[Endpoint, ...] = ()  # both: where its messages may pass
    watches: bool = False  # receives a monitor's events, which an I/O thread sends
    has_a_past: bool = False  # was bound or connected before this execution, perhaps elsewhere too
    sending: bool = False  # between the parts of a message
    receiving: bool = False
    last_use: Use | None = None

    @property
    def __racecheck_name__(self) -> str:
        return f"{self.title} {self.address}".rstrip()

    def signalled(self) -> bool:
        """Whether something was sent to it that it has not looked at; touches no socket."""
        return self.mailbox is not None and bool(self.mailbox(0))

    def attached(self, endpoint: Endpoint, *, here: bool) -> None:
        """It was bound ``here``, or connected, to an endpoint."""
        if here:
            self.bound.append(endpoint)
        else:
            self.connected.append(endpoint)
            endpoint.connected += 1
        self.channels = (*self.bound, *self.connected)

    def detached(self, endpoint: Endpoint) -> None:
        """It was disconnected; what is on its way may still arrive, so the channel stays."""
        if endpoint in self.connected:
            self.connected.remove(endpoint)
            endpoint.connected -= 1

    def may_change_by_itself(self) -> bool:
        """Whether something outside control can make it ready.

        A listener to which nobody in this process connected is silent, unless a child process of
        ours could be the one who connects.
        """
        if self.watches or self.has_a_past or self.context.may_have_other_users():
            return True
        if any(endpoint.transport != INPROC for endpoint in self.connected):
            return True
        listens = [endpoint for endpoint in self.bound if endpoint.transport != INPROC]
        return bool(listens) and (any(e.connected for e in listens) or _has_children())


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


class World:
    """Everything of one execution; ``begin`` forgets it and starts the next one."""

    def __init__(self) -> None:
        self.background = Background()
        self.epoch = 0
        self.used: set[str] = set()
        self.uncertain: set[str] = set()  # transports through which something did not settle
        self._unstarted: weakref.WeakSet[Any] = weakref.WeakSet()
        self._running: weakref.WeakSet[Any] = weakref.WeakSet()  # contexts whose threads are known
        self.begin()

    def begin(self) -> None:
        """Start an execution: ordinals begin at 1 again."""
        self.epoch += 1
        self.operations = 0  # of controlled tasks; what blocks can only change after another one
        self.sockets: list[SocketRecord] = []
        self.contexts: list[ContextRecord] = []
        self.watched: set[str] = set()
        self.sharings: list[str] = []  # found by the owner check
        self._births: Counter[str] = Counter()
        self._by_handle: dict[int, SocketRecord] = {}
        self._endpoints: dict[tuple[int, str], Endpoint] = {}

    # --- records ---------------------------------------------------------------------------------

    def record_of(self, socket: Any) -> SocketRecord:
        """The record of a socket; one made before this execution is taken up at its first use."""
        found = socket.__dict__.get(KEY)
        if found is not None and found[0] == self.epoch:
            record: SocketRecord = found[1]
            return record
        return self.take_up(socket, made_here=False, created_at=())

    def known(self, socket: Any) -> SocketRecord | None:
        """The record of a socket if this execution has one."""
        found = socket.__dict__.get(KEY)
        return found[1] if found is not None and found[0] == self.epoch else None

    def take_up(self, socket: Any, *, made_here: bool, created_at: Stack) -> SocketRecord:
        """Make the record of a socket (or find it, when the socket shadows a known one)."""
        handle = socket.underlying
        record = self._by_handle.get(handle)
        if record is None or record.closed or not socket._shadow:
            context = self.context_of(socket.context)
            record = self._new_record(socket, context, made_here, created_at)
            if not made_here:
                self._recall(socket, record)
            self._by_handle[handle] = record
            self.sockets.append(record)
            context.sockets.append(record)
        socket.__dict__[KEY] = (self.epoch, record)
        return record

    def seen_from_outside(self, socket: Any, connects_to: str = "") -> None:
        """A thread that is not under control uses a socket: its context may change by itself."""
        found = socket.context.__dict__.get(KEY) if socket.context is not None else None
        if found is not None and found[0] == self.epoch:
            found[1].foreign = True
            self.uncertain.update(TRANSPORTS)
        if connects_to and not connects_to.startswith("inproc:"):
            self.endpoint(None, connects_to).connected += 1

    def closed(self, record: SocketRecord) -> None:
        """A socket was closed, by whom ever: await what that sets off."""
        record.closed = True
        record.context.closings += 1
        for endpoint in record.connected:
            endpoint.connected -= 1
        self.settle(record)

    def _new_record(
        self, socket: Any, context: ContextRecord, made_here: bool, created_at: Stack
    ) -> SocketRecord:
        kind = socket._type_name
        self._births[kind] += 1
        thread_safe = bool(ask(socket, zmq.THREAD_SAFE))
        mailbox = None
        if not thread_safe:
            poller = select.poll()
            poller.register(ask(socket, zmq.FD), select.POLLIN)
            mailbox = poller.poll
        title = f"{kind}#{self._births[kind]}"
        return SocketRecord(
            title, weakref.ref(socket), context, made_here, created_at, thread_safe, mailbox
        )

    def _recall(self, socket: Any, record: SocketRecord) -> None:
        """Find out where a socket that was made before was last bound or connected."""
        address = ask(socket, zmq.LAST_ENDPOINT).decode(errors="replace")
        if address:
            endpoint = self.endpoint(record.context, address)
            record.has_a_past, record.address = True, address
            record.attached(endpoint, here=True)
            record.context.outside |= endpoint.transport != INPROC
            self.used.add(endpoint.transport)

    def context_of(
        self, context: Any, *, made_here: bool = False, created_at: Stack = ()
    ) -> ContextRecord:
        """The record of a context, made if need be."""
        found = context.__dict__.get(KEY)
        if found is not None and found[0] == self.epoch:
            record: ContextRecord = found[1]
        else:
            self._births["Context"] += 1
            name = f"Context#{self._births['Context']}"
            record = ContextRecord(name, weakref.ref(context), made_here, created_at)
            self.contexts.append(record)
            context.__dict__[KEY] = (self.epoch, record)
        return record

    def context_made(self, context: Any, *, here: bool, created_at: Stack) -> None:
        """A context was made while control is on; its first socket will start its threads."""
        self._unstarted.add(context)
        self.context_of(context, made_here=here, created_at=created_at)

    def watch_first_socket(self, context: Any, make: Callable[[], T]) -> T:
        """Call ``make``, which makes a socket; the first one of a context starts its threads."""
        if context in self._running:
            return make()
        self._running.add(context)
        return self.background.watch_start(make, surely=context in self._unstarted)

    def endpoint(self, context: ContextRecord | None, address: str) -> Endpoint:
        """The endpoint of an address; an inproc name belongs to its context."""
        transport, _, place = address.partition("://")
        if transport == "tcp":
            place = place.rpartition(":")[2]  # localhost, 127.0.0.1 and * may be the same place
        scope = id(context) if transport == INPROC else 0
        found = self._endpoints.get((scope, f"{transport}://{place}"))
        if found is None:
            found = Endpoint(address, transport)
            self._endpoints[scope, f"{transport}://{place}"] = found
        return found

    # --- the end of an operation ------------------------------------------------------------------

    def settle(self, record: SocketRecord | ContextRecord) -> None:
        """An operation was performed: wait until what it set off has come to its end."""
        self.operations += 1
        context = record.context if isinstance(record, SocketRecord) else record
        if context.outside:
            if not self.background.settle_all():
                self.uncertain.update(self.used)
        elif context.closings and not self.background.settle_reapers():
            self.uncertain.add(INPROC)
