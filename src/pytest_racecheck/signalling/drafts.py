"""Makes ``import zmq`` find a libzmq that fits the program, or says how to get one."""

from __future__ import annotations

import importlib
import os
import sys

from pytest_racecheck.errors import MissingDependency

SITE_VARIABLE = "RACECHECK_ZMQ_DRAFT_SITE"


def _draft_site() -> str | None:
    """The folder with a draft pyzmq: named by the environment, else the per-user cache."""
    named = os.environ.get(SITE_VARIABLE)
    if named:
        return named
    # By name, as a plug-in: the cache belongs to the hall, which this room must not lean on, and
    # the environment variable does without it.
    try:
        cache = importlib.import_module("pytest_racecheck.zmq_draft")
    except ModuleNotFoundError:
        return None
    site = cache.draft_site()
    return None if site is None else str(site)


def require_zmq(program: str, *, drafts: bool) -> None:
    """Import zmq, with the draft API if asked for; ``MissingDependency`` when it is not here."""
    if drafts and "zmq" not in sys.modules and (site := _draft_site()):
        sys.path.insert(0, site)
    try:
        import zmq
    except ImportError:
        raise MissingDependency(
            f"{program} needs pyzmq, which is not installed here: "
            'pip install "pytest-racecheck[zeromq]"'
        ) from None
    if drafts and not zmq.DRAFT_API:
        raise MissingDependency(
            f"{program} could not be run here: its sockets need a libzmq with the draft API, which "
            f"this pyzmq (libzmq {zmq.zmq_version()}) lacks: racecheck doctor --enable zmq-draft"
        )
