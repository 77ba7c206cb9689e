"""Each way to write a body against a client that is slow and one that leaves, on real sockets."""

from __future__ import annotations

import asyncio
import socket

import pytest

from pytest_racecheck.corkio import WAYS, Misuse, Response, serving
from pytest_racecheck.corkio.response import HIGH_WATER
from pytest_racecheck.corkio.ways import CHUNK

#: More than the kernel's buffers of both sides take.
CHUNKS = 1200
REQUEST = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
_SMALL = 4096


async def ask(port: int) -> socket.socket:
    """A request on a connection with little room for the answer."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, ("127.0.0.1", port))
    await loop.sock_sendall(client, REQUEST)
    return client


async def until_it_stands(opened: list[Response]) -> Response:
    """Let the server go on until the client's slowness has stopped it, or a rule is broken."""
    taken = -1
    while not opened or taken != opened[0].taken:
        taken = opened[0].taken if opened else -1
        for _ in range(20):
            await asyncio.sleep(0.002)
    return opened[0]


async def read_all(client: socket.socket) -> bytes:
    parts = []
    while part := await asyncio.get_running_loop().sock_recv(client, 1 << 18):
        parts.append(part)
    return b"".join(parts)


def body_of(answer: bytes) -> bytes:
    """The chunks of an answer, put together; AssertionError when the framing is broken."""
    _, _, rest = answer.partition(b"\r\n\r\n")
    parts = []
    while True:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            assert rest == b"\r\n"
            return b"".join(parts)
        parts.append(rest[:length])
        assert rest[length : length + 2] == b"\r\n"
        rest = rest[length + 2 :]


async def with_a_slow_client(way: str, *, strict: bool = False) -> tuple[Response, bytes]:
    async with serving(WAYS[way], CHUNKS, strict=strict) as (port, opened):
        client = await ask(port)
        try:
            response = await until_it_stands(opened)
            answer = await read_all(client) if not strict or way == "correct" else b""
        finally:
            client.close()
        if not response.ended:
            await response.done
    return response, answer


async def with_a_client_that_leaves(way: str) -> tuple[Response, list[BaseException]]:
    problems: list[BaseException] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: problems.append(context["exception"])
    )
    async with serving(WAYS[way], CHUNKS, strict=True) as (port, opened):
        client = await ask(port)
        await asyncio.get_running_loop().sock_recv(client, 100)
        client.close()
        while not opened:
            await asyncio.sleep(0)
        await opened[0].done
        for _ in range(20):
            await asyncio.sleep(0.002)
    return opened[0], problems


def test_the_correct_loop_breaks_no_rule_and_buffers_little_for_a_slow_client() -> None:
    response, answer = asyncio.run(with_a_slow_client("correct", strict=True))
    assert response.broken == []
    assert body_of(answer) == b"x" * CHUNK * CHUNKS
    assert response.most_buffered <= HIGH_WATER + 2 * CHUNK


@pytest.mark.parametrize("rule", ["uncorked", "false ignored", "second handler"])
def test_a_misuse_is_found_with_a_slow_client_and_the_data_arrive(rule: str) -> None:
    response, answer = asyncio.run(with_a_slow_client(rule))
    assert set(response.broken) == {rule}
    assert body_of(answer) == b"x" * CHUNK * CHUNKS


def test_memory_grows_with_the_body_when_false_is_ignored() -> None:
    response, _ = asyncio.run(with_a_slow_client("false ignored"))
    assert response.most_buffered > CHUNK * CHUNKS // 2


def test_a_write_after_the_client_left_raises_and_is_found() -> None:
    response, problems = asyncio.run(with_a_client_that_leaves("after abort"))
    assert response.broken == ["after abort"]
    assert [type(problem) for problem in problems] == [Misuse]


def test_the_correct_loop_stops_when_the_client_leaves() -> None:
    response, problems = asyncio.run(with_a_client_that_leaves("correct"))
    assert response.aborted
    assert (response.broken, problems) == ([], [])
    assert response.taken < CHUNK * CHUNKS
