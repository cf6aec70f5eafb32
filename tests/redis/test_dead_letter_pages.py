"""Many dead letters: read and acted on in pages, however many there are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from answerback.events import Entry, Event
from answerback.messages import Author
from answerback.replies import DeadLetter
from answerback.settings import Settings
from answerback.store import keys
from answerback.store.access.api_keys import ApiKeys
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.threads import Threads
from ingress.api.admin import dead_letter_actions, dead_letters
from ingress.api.pipeline import Api
from ingress.api.route import BASE
from ingress.problems import problems

pytestmark = pytest.mark.one_server

PATH = f"{BASE}/admin/dead-letters"
MANY = 130


async def dead_letter_many(threads: Threads, count: int) -> None:
    """Store dead letters; three fail in the same millisecond, in threads of all partitions, of two kinds."""
    encode = msgspec.msgpack.encode
    for number in range(count):
        thread, id = f"standard:t{number}", f"{number:020x}"
        p = threads.partitions.current.of(thread)
        event = Event(delivery=f"standard:{number}", thread=thread, kind="message", text="x", author=Author("a"))
        reason = f"attempt {number} failed" if number % 2 else "away"
        letter = DeadLetter(id=id, kind="event", thread=thread, reason=reason)
        await threads.database.together(
            ("ZADD", keys.dead_letter_times(p), 1_700_000_000_000 + number // 3, id),
            ("HSET", keys.dead_letters(p), id, encode(letter)),
            ("HSET", keys.dead_letter_payloads(p), id, encode(Entry(event))),
        )


class Operator:
    """A client of the routes, with a key of scope admin."""

    def __init__(self, session: aiohttp.ClientSession, url: str, key: str) -> None:
        self._session, self._url, self._headers = session, url, {"Authorization": f"Bearer {key}"}

    async def get(self, **query: Any) -> dict[str, Any]:
        """Return a page of the list."""
        async with self._session.get(self._url, params=query, headers=self._headers) as response:
            assert response.status == 200, await response.text()
            return dict(await response.json())

    async def post(self, action: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Act on many."""
        async with self._session.post(f"{self._url}/{action}", json=body, headers=self._headers) as response:
            return response.status, dict(await response.json())

    async def pages(self, **query: Any) -> list[dict[str, Any]]:
        """Return all pages."""
        found = [await self.get(**query)]
        while cursor := found[-1]["next_cursor"]:
            found.append(await self.get(**query, cursor=cursor))
        return found


@asynccontextmanager
async def served(threads: Threads) -> AsyncIterator[Operator]:
    """The routes of dead letters, on loopback."""
    app = web.Application(middlewares=[problems])
    groups = (dead_letters.DeadLetterRoutes(threads), dead_letter_actions.DeadLetterActions(threads))
    Api(Settings.load({}), threads, [each for group in groups for each in group.routes()]).mount(app)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        key, shown = await ApiKeys(threads.database).create("default", scopes=("admin",), name="test")
        assert key.workspace == "default"
        async with aiohttp.ClientSession() as session:
            yield Operator(session, f"http://127.0.0.1:{runner.addresses[0][1]}{PATH}", str(shown))
    finally:
        await runner.cleanup()


def order(letter: DeadLetter) -> tuple[int, str]:
    """Order dead letters by time, then by id."""
    return letter.at, letter.id


async def test_a_scan_continues_after_its_cursor_in_either_direction(threads: Threads, letters: DeadLetters) -> None:
    await dead_letter_many(threads, 12)
    oldest = [each async for each in letters.scan(oldest_first=True)]
    newest = [each async for each in letters.scan()]
    assert [letter.id for letter, _ in newest] == [letter.id for letter, _ in oldest][::-1]
    assert sorted((letter for letter, _ in oldest), key=order) == [letter for letter, _ in oldest]
    for scanned, oldest_first in ((oldest, True), (newest, False)):
        for n, (letter, cursor) in enumerate(scanned):
            rest = [each.id async for each, _ in letters.scan(cursor, oldest_first=oldest_first)]
            assert rest == [each.id for each, _ in scanned[n + 1 :]], letter
    assert await letters.delete(oldest[4][0].id)
    rest = [each.id async for each, _ in letters.scan(oldest[4][1], oldest_first=True)]
    assert rest == [each.id for each, _ in oldest[5:]], "a cursor outlives its dead letter"
    assert await letters.read(["none", oldest[5][0].id]) == [oldest[5][0]]


async def test_a_request_searches_some_and_the_next_page_goes_on(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "SEARCHED", 50)
    await dead_letter_many(threads, MANY)
    async with served(threads) as operator:
        first = await operator.get(limit=20)
        assert (len(first["dead_letters"]), first["total"], first["all"], first["complete"]) == (20, 50, 50, False)
        assert first["newest"] == first["dead_letters"][0]["failed_at"]
        assert first["reasons"] == [{"reason": reason, "count": 25} for reason in ("attempt … failed", "away")]
        for query, count in (({"limit": 20}, MANY), ({"reason": "away", "limit": 20}, MANY // 2), ({"q": "t1"}, 41)):
            ids = [each["id"] for page in await operator.pages(**query) for each in page["dead_letters"]]
            assert len(ids) == len(set(ids)) == count
            assert ids == sorted(ids, reverse=True)
        last = (await operator.pages(limit=20))[-1]
        assert (last["complete"], last["next_cursor"]) == (True, None)


async def test_an_action_on_all_that_match_continues_where_its_time_ended(
    threads: Threads, letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letter_actions, "SECONDS", 0.001)
    await dead_letter_many(threads, MANY)
    async with served(threads) as operator:
        body: dict[str, Any] = {
            "where": {"reason": "away"},
            "before": (await operator.get())["dead_letters"][29]["failed_at"],
        }
        before = [letter.at async for letter in letters.list()][29]
        done, requests = 0, 0
        cursor: str | None = ""
        while cursor is not None:
            status, result = await operator.post("delete", {**body, "cursor": cursor})
            assert (status, result["failed"]) == (200, 0)
            done, requests, cursor = done + result["done"], requests + 1, result["next_cursor"]
        kept = [letter async for letter in letters.list()]
        assert requests > 1
        assert done == MANY - len(kept)
        assert all(letter.reason != "away" or letter.at > before for letter in kept)
        assert len([letter for letter in kept if letter.reason == "away"]) == 14
        ids = [letter.id for letter in kept[:3]]
        status, result = await operator.post("replay", {"ids": [*ids, "none"]})
        while result["next_cursor"]:
            status, result = await operator.post("replay", {"ids": ids, "cursor": result["next_cursor"]})
        assert not {letter.id async for letter in letters.list()} & {*ids}
        status, problem = await operator.post("delete", {"where": {}, "cursor": "?"})
        assert (status, problem["errors"][0]["at"]) == (422, "/cursor")
