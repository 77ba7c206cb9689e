"""Five ways to write a long body: four break a rule of the response, and one breaks none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from pytest_racecheck.corkio.response import Response

#: How many bytes a chunk has.
CHUNK = 16 * 1024


def correct(response: Response, chunks: int) -> None:
    """One loop inside one cork; stops at False, goes on when writable, and stops at an abort."""
    left = chunks
    gone = False

    def leave() -> None:
        nonlocal gone
        gone = True

    def fill() -> None:
        nonlocal left
        while left:
            left -= 1
            if not response.write(b"x" * CHUNK) and left:
                return
        response.end()

    def go_on() -> bool:
        if not gone:
            response.cork(fill)
        return gone or not left

    response.on_aborted(leave)
    response.on_writable(go_on)
    response.cork(fill)


def recursion_outside_cork(response: Response, chunks: int) -> None:
    """Each chunk from a callback of its own, outside any cork."""

    def step(left: int) -> None:
        if response.aborted:
            return
        if not left:
            response.end()
        elif response.write(b"x" * CHUNK):
            asyncio.get_running_loop().call_soon(step, left - 1)
        else:
            response.on_writable(partial(go_on, left - 1))

    def go_on(left: int) -> bool:
        step(left)
        return True

    asyncio.get_running_loop().call_soon(step, chunks)


def false_ignored(response: Response, chunks: int) -> None:
    """All chunks in one cork, whatever ``write`` says."""

    def fill() -> None:
        for _ in range(chunks):
            response.write(b"x" * CHUNK)
        response.end()

    response.cork(fill)


def second_handler(response: Response, chunks: int) -> None:
    """A handler is set at every False, and the first is still there."""
    left = chunks

    def fill() -> None:
        nonlocal left
        while left:
            left -= 1
            if not response.write(b"x" * CHUNK) and left:
                response.on_writable(go_on)
                response.on_writable(go_on)
                return
        response.end()

    def go_on() -> bool:
        response.cork(fill)
        return not left

    response.cork(fill)


def write_after_abort(response: Response, chunks: int) -> None:
    """A timer writes on, and nobody has asked whether the client is there."""

    def step(left: int) -> None:
        def put() -> None:
            response.write(b"x" * CHUNK) if left else response.end()

        response.cork(put)
        if left:
            asyncio.get_running_loop().call_later(0.001, step, left - 1)

    step(chunks)


#: Each by the rule that it breaks, and the one that breaks none.
WAYS: dict[str, Callable[[Response, int], None]] = {
    "correct": correct,
    "uncorked": recursion_outside_cork,
    "false ignored": false_ignored,
    "second handler": second_handler,
    "after abort": write_after_abort,
}
