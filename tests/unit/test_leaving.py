"""Who leaves stops what nobody else can read, unless they may come back for it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from answerback.store.chats.chats import Chats
from ingress.api import leaving
from ingress.api.context import RequestContext
from ingress.api.leaving import Leaving


class Store:
    """The chats, as far as leaving asks for them."""

    def __init__(self) -> None:
        self.cancelled: list[str] = []
        self.returned = 0

    async def record_return(self, workspace: str, id: str) -> int:
        self.returned += 1
        return self.returned

    async def returned_at(self, workspace: str, id: str) -> int:
        return self.returned

    async def cancel(self, workspace: str, id: str) -> bool:
        self.cancelled.append(id)
        return True


class Request:
    """A request that is answered, or whose client has left."""

    def __init__(self, **headers: str) -> None:
        self.headers = headers
        self.transport: Any = SimpleNamespace(is_closing=lambda: False)

    def leave(self) -> None:
        self.transport = None


def _call(request: Request, again: float = 0) -> RequestContext:
    return cast(RequestContext, SimpleNamespace(request=request, caller=SimpleNamespace(workspace="acme"), again=again))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "LOOK", 0.01)
    monkeypatch.setattr(leaving, "RETURN", 0.2)


async def _settled(here: Leaving) -> None:
    while here._stopping:
        await asyncio.gather(*here._stopping)


async def test_a_client_that_leaves_while_it_waits_stops_its_turn() -> None:
    store, request = Store(), Request()
    here = Leaving(cast(Chats, store))
    async with here.watched(_call(request), "once_1", again=False), asyncio.timeout(20):
        request.leave()
        while not store.cancelled:
            await asyncio.sleep(0.01)


async def test_one_that_stays_to_the_end_stops_nothing_and_neither_does_one_that_can_ask_again() -> None:
    for request in (Request(), Request(**{"Idempotency-Key": "one"})):
        store = Store()
        here = Leaving(cast(Chats, store))
        async with here.watched(_call(request), "once_1", again=False):
            if request.headers:
                request.leave()
        await _settled(here)
        assert not store.cancelled


async def test_a_clients_own_retry_finds_the_turn_and_stops_it_when_it_leaves_for_good() -> None:
    store = Store()
    here, elsewhere = Leaving(cast(Chats, store)), Leaving(cast(Chats, store))
    first, second = Request(), Request()
    async with here.watched(_call(first, again=600), "once_1", again=False):
        first.leave()
    async with elsewhere.watched(_call(second, again=600), "once_1", again=True):
        await _settled(here)
        assert not store.cancelled, "it has come back, to another process"
        second.leave()
    await _settled(elsewhere)
    assert set(store.cancelled) == {"once_1"}
