"""A server on a real socket that answers in one of the ways, and keeps what happened."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from pytest_racecheck.corkio.response import Response


@asynccontextmanager
async def serving(
    way: Callable[[Response, int], None], chunks: int, *, strict: bool
) -> AsyncIterator[tuple[int, list[Response]]]:
    """The port on 127.0.0.1, and the responses in the order of their connections."""
    opened: list[Response] = []
    server = await asyncio.get_running_loop().create_server(
        lambda: Response(lambda made: way(made, chunks), strict=strict, opened=opened),
        "127.0.0.1",
        0,
    )
    try:
        yield server.sockets[0].getsockname()[1], opened
    finally:
        server.close()
        for response in opened:
            response.hang_up()
        await asyncio.gather(*(response.done for response in opened))
        await server.wait_closed()
