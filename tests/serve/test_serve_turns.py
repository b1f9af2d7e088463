"""Clients take turns, and are known by what they cannot choose."""

from __future__ import annotations

import asyncio
import threading

import pytest

from hevner.serve import clients
from hevner.serve.clients import CLIENT
from hevner.serve.problems import ServiceError
from hevner.serve.threads import BoundedThreads
from tests.serve.servers import PATIENCE_S


async def called(threads: BoundedThreads, client: str, done: list[str]) -> None:
    """Note a client once a call of it runs."""
    CLIENT.set(client)
    await threads.do(done.append, client)


def test_the_call_of_another_client_does_not_wait_for_all_of_one() -> None:
    async def run() -> None:
        goes_on, done = threading.Event(), list[str]()
        threads = BoundedThreads(1, 40, "calls", 1, PATIENCE_S)
        first = asyncio.create_task(threads.do(goes_on.wait, PATIENCE_S))
        await asyncio.sleep(0)
        asked = ["one"] * 20 + ["two"] * 2 + ["three"]
        calls = [asyncio.create_task(called(threads, client, done)) for client in asked]
        await asyncio.sleep(0)
        goes_on.set()
        await asyncio.gather(first, *calls)
        assert done[:6] == ["one", "two", "three", "one", "two", "one"]
        assert sorted(done) == sorted(asked)
        threads.close()

    asyncio.run(run())


def test_calls_of_one_client_are_done_in_their_order_and_none_that_nobody_waits_for() -> None:
    async def run() -> None:
        goes_on, done = threading.Event(), list[int]()
        threads = BoundedThreads(1, 40, "calls", 1, PATIENCE_S)
        first = asyncio.create_task(threads.do(goes_on.wait, PATIENCE_S))
        await asyncio.sleep(0)
        calls = [asyncio.create_task(threads.do(done.append, number)) for number in range(5)]
        await asyncio.sleep(0)
        calls[2].cancel()
        await asyncio.gather(calls[2], return_exceptions=True)
        goes_on.set()
        await asyncio.gather(first, *calls, return_exceptions=True)
        threads.close()
        assert done == [0, 1, 3, 4]

    asyncio.run(run())


def test_one_client_does_not_take_all_places() -> None:
    async def run() -> None:
        goes_on, done = threading.Event(), list[str]()
        threads = BoundedThreads(1, 4, "calls", 1, PATIENCE_S)
        first = asyncio.create_task(threads.do(goes_on.wait, PATIENCE_S))
        await asyncio.sleep(0)
        many = [asyncio.create_task(called(threads, "one", done)) for _ in range(9)]
        await asyncio.sleep(0)
        other = asyncio.create_task(called(threads, "two", done))
        await asyncio.sleep(0)
        goes_on.set()
        answers = await asyncio.gather(first, *many, return_exceptions=True)
        assert sum(isinstance(one, ServiceError) for one in answers) == 6
        await other
        assert done.count("two") == 1
        threads.close()

    asyncio.run(run())


def test_who_waits_is_let_go_when_the_threads_are_closed() -> None:
    async def run() -> None:
        goes_on = threading.Event()
        threads = BoundedThreads(1, 4, "calls", 1)
        first = asyncio.create_task(threads.do(goes_on.wait, PATIENCE_S))
        second = asyncio.create_task(threads.do(max, 1, 2))
        await asyncio.sleep(0)
        threads.close(wait=False)
        goes_on.set()
        assert await first
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(second, PATIENCE_S)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("192.168.1.20", "192.168.1.20"),
        ("::ffff:192.168.1.20", "192.168.1.20"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_an_address_has_one_name_and_a_network_of_ipv6_too(address: str, name: str) -> None:
    assert clients.name(address) == name
