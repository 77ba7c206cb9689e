"""Event loops inside tasks: their waits are waits of the task, in virtual time."""

from __future__ import annotations

import asyncio
import logging
import selectors
import socket
import threading
from functools import partial

import pytest

from twins import Box, Twins, adder, assert_found, assert_ruled_out, find, together

TWINS = Twins()


@TWINS.each()
def test_the_race_is_found(twin):
    assert_found(twin)


@TWINS.each()
def test_its_sound_twin_is_ruled_out(twin):
    assert_ruled_out(twin)


@TWINS.add("asyncio.run in two threads", "assertion", preemptions=1)
def two_loops(broken):
    box, lock = Box(), threading.Lock()

    async def add():
        if broken:
            seen = box.value
            await asyncio.sleep(1)
            box.value = seen + 1
        else:
            await asyncio.sleep(1)
            with lock:
                box.value += 1

    together(lambda: asyncio.run(add()), lambda: asyncio.run(add()))
    assert box.value == 2


@TWINS.add("asyncio.to_thread", "assertion", within=500, preemptions=0)
def to_thread(broken):
    box, add = adder(broken)

    async def both():
        await asyncio.gather(asyncio.to_thread(add), asyncio.to_thread(add))

    asyncio.run(both())
    assert box.value == 2


@TWINS.add("call_soon_threadsafe", "assertion", preemptions=2)
def from_another_thread(broken):
    box, lock = Box(), threading.Lock()

    async def main():
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def work():
            if broken:
                loop.call_soon_threadsafe(done.set)
            with lock:
                box.value = 1
            loop.call_soon_threadsafe(done.set)

        worker = threading.Thread(target=work)
        worker.start()
        await done.wait()
        with lock:
            assert box.value == 1, "told too early"
        worker.join()

    asyncio.run(main())


@TWINS.add("a coroutine that waits for what never comes", "deadlock")
def never(broken):
    async def wait():
        done = asyncio.Event()
        if not broken:
            done.set()
        await done.wait()

    together(lambda: asyncio.run(wait()))


def test_hours_of_asyncio_sleep_pass_at_once():
    elapsed = []

    async def sleep():
        begun = asyncio.get_running_loop().time()
        await asyncio.sleep(3600)
        elapsed.append(asyncio.get_running_loop().time() - begun)

    assert find(lambda: together(lambda: asyncio.run(sleep()))).verdict == "ruled out"
    assert all(3600 <= time < 3601 for time in elapsed)


def test_a_time_out_of_asyncio_fires_in_virtual_time():
    async def wait():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), timeout=1000)

    assert find(lambda: together(lambda: asyncio.run(wait()))).verdict == "ruled out"


@pytest.mark.parametrize("strategy", ["exhaustive", "random"])
def test_a_loop_that_is_unwound_says_nothing(caplog, capfd, recwarn, strategy):
    async def wait_for_ever():
        await asyncio.gather(asyncio.Event().wait(), asyncio.Event().wait())

    with caplog.at_level(logging.DEBUG):
        finding = find(partial(together, lambda: asyncio.run(wait_for_ever())), strategy=strategy)
    assert finding.failure.kind == "deadlock"
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []
    assert capfd.readouterr().err == ""
    assert [str(warning.message) for warning in recwarn] == []


def test_bytes_from_outside_are_waited_for():
    def body():
        here, there = socket.socketpair()
        with here, there, selectors.DefaultSelector() as selector:
            here.setblocking(False)
            selector.register(here, selectors.EVENT_READ)
            selector.register(there, selectors.EVENT_READ)
            together(lambda: there.send(b"x"))
            assert [key.fileobj for key, _ in selector.select()] == [here]

    assert find(body).failure is None
