"""Who leaves stops what nobody else can read, unless they may come back for it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from answerback.store.chats.chats import Chats
from ingress.api import disconnects
from ingress.api.context import RequestContext
from ingress.api.disconnects import Disconnects


class Store:
    """The chats, as far as they are used here."""

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
    return cast(
        RequestContext, SimpleNamespace(request=request, caller=SimpleNamespace(workspace="acme"), repeatable_for=again)
    )


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disconnects, "INTERVAL", 0.01)
    monkeypatch.setattr(disconnects, "RETRY_WITHIN", 0.2)


async def _settled(here: Disconnects) -> None:
    while here._cancelling:
        await asyncio.gather(*here._cancelling)


async def test_a_client_that_leaves_while_it_waits_stops_its_turn() -> None:
    store, request = Store(), Request()
    here = Disconnects(cast(Chats, store))
    async with here.watch(_call(request), "once_1", retry=False), asyncio.timeout(20):
        request.leave()
        while not store.cancelled:
            await asyncio.sleep(0.01)


async def test_one_that_stays_to_the_end_stops_nothing_and_neither_does_one_that_can_ask_again() -> None:
    for request in (Request(), Request(**{"Idempotency-Key": "one"})):
        store = Store()
        here = Disconnects(cast(Chats, store))
        async with here.watch(_call(request), "once_1", retry=False):
            if request.headers:
                request.leave()
        await _settled(here)
        assert not store.cancelled


async def test_a_clients_own_retry_finds_the_turn_and_stops_it_when_it_leaves_for_good() -> None:
    store = Store()
    here, elsewhere = Disconnects(cast(Chats, store)), Disconnects(cast(Chats, store))
    first, second = Request(), Request()
    async with here.watch(_call(first, again=600), "once_1", retry=False):
        first.leave()
    async with elsewhere.watch(_call(second, again=600), "once_1", retry=True):
        await _settled(here)
        assert not store.cancelled, "it has come back, to another process"
        second.leave()
    await _settled(elsewhere)
    assert set(store.cancelled) == {"once_1"}
