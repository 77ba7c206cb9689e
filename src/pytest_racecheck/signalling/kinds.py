"""What differs between the signalling programs, as one table: socket types and connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Kind:
    """One pair of socket types and how senders use it; types are names in ``zmq``."""

    title: str
    receiver: str
    sender: str
    connects: Literal["per thread", "per message", "once for all threads"] = "per thread"
    awaits_subscription: bool = False
    polls_after_send: bool = False
    needs_drafts: bool = False


PAIR = Kind("pair", "PAIR", "PAIR", connects="per message")
PUBSUB = Kind("pub/sub", "SUB", "PUB", polls_after_send=True)
XPUB = Kind("xpub/sub", "SUB", "XPUB", awaits_subscription=True)
PUSHPULL = Kind("push/pull", "PULL", "PUSH", polls_after_send=True)
DEALER_ROUTER = Kind("dealer/router", "ROUTER", "DEALER")
DEALER_DEALER = Kind("dealer/dealer", "DEALER", "DEALER")
CLIENTSERVER = Kind(
    "client/server", "SERVER", "CLIENT", connects="once for all threads", needs_drafts=True
)
