"""A small API to try the ground of the API on: its routes do as little as they can."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiohttp
from aiohttp import web
from pydantic import Field

from answerback.settings import Settings
from answerback.store.access.api_keys import ApiKeys
from answerback.store.access.credential import Credential
from answerback.store.redis import Database
from answerback.store.threads.threads import Threads
from ingress.api.context import RequestContext
from ingress.api.pipeline import Api
from ingress.api.route import BASE, Model, Route, collect, route
from ingress.app import application
from ingress.problems import Problem, problems
from ingress.webhooks import Webhooks


class Thing(Model):
    """What is made."""

    name: str = Field(min_length=1)
    count: int = 0
    ratio: float = 0
    tags: dict[str, Any] = Field(default_factory=dict)


class Made(Model):
    """What was made."""

    id: str
    name: str


class Asked(Model):
    """How it is listed."""

    limit: int = Field(10, ge=1, le=100)


def _short(problem: Problem) -> web.Response:
    return web.json_response({"error": problem.detail}, status=problem.status, headers=problem.headers)


class Things:
    """Counts how often something was made."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.fail: Exception | None = None

    def routes(self) -> list[Route]:
        """One of each kind."""
        return collect(self, tag="")

    @route("GET", "/things", scope="chat:read", summary="", query=Asked)
    async def list(self, call: RequestContext) -> web.Response:
        """What was made, up to a limit."""
        asked: Asked = call.query
        return web.json_response(self.made[: asked.limit])

    @route(
        "POST",
        "/things",
        aliases=("/things",),
        scope="chat:write",
        summary="",
        body=Thing,
        returns=Made,
        status=201,
        limit=10_000,
    )
    @route(
        "POST",
        "/things/again",
        scope="chat:write",
        summary="",
        body=Thing,
        returns=Made,
        status=201,
        repeated="handler",
    )
    @route("POST", "/things/open", scope="chat:write", summary="", body=Thing, publishable=True, repeated="handler")
    async def make(self, call: RequestContext) -> web.Response:
        """Make one."""
        body: Thing = call.body
        if self.fail:
            raise self.fail
        self.made.append(call.idempotency)
        return call.answer(Made(id=call.idempotency, name=body.name), 201, {"Location": f"/{len(self.made)}"})

    @route("GET", "/things/{id}", scope="chat:read", summary="", session="id")
    async def get(self, call: RequestContext) -> web.Response:
        """Say which one."""
        return call.answer(Made(id=call.path["id"], name=call.caller.kind))

    @route("GET", "/mine", scope="any", summary="", user="own")
    async def mine(self, call: RequestContext) -> web.Response:
        """Say who the user is."""
        return call.answer(Made(id=call.caller.id, name=f"{call.caller.workspace}/{call.caller.user}"))

    @route("GET", "/mine/{id}", scope="chat:read", summary="", user="thread")
    async def my_thread(self, call: RequestContext) -> web.Response:
        """Say which one."""
        return call.answer(Made(id=call.path["id"], name=call.caller.kind))

    @route("DELETE", "/things/{id}", scope="admin", summary="", refuse=_short)
    async def drop(self, call: RequestContext) -> web.Response:
        """Refuse in its own form."""
        raise Problem(409, "not this one")

    @route("GET", "/things/{id}/stream", scope="chat:read", summary="")
    async def stream(self, call: RequestContext) -> web.StreamResponse:
        """Begin an answer, and break."""
        response = web.StreamResponse()
        await response.prepare(call.request)
        await response.write(b"half")
        raise RuntimeError("broken")


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """Calls it, with a key of all scopes unless another is given ("" for none)."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, things: Things, keys: ApiKeys, key: Credential
    ) -> None:
        self._session = session
        self.url = url
        self.things = things
        self.keys = keys
        self.key = key

    async def ask(
        self, method: str, path: str, *, key: object = None, headers: dict[str, str] | None = None, **options: Any
    ) -> Answer:
        """One request."""
        shown = self.key if key is None else key
        given = ({"Authorization": f"Bearer {shown}"} if shown else {}) | (headers or {})
        async with self._session.request(method, self.url + path, headers=given, **options) as answer:
            return Answer(answer.status, dict(answer.headers), await answer.read())

    async def make(self, path: str = f"{BASE}/things", *, name: str = "", body: bytes = b'{"name": "x"}') -> Answer:
        """Make a thing; `name` is the request's Idempotency-Key."""
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": name} if name else {})
        return await self.ask("POST", path, headers=headers, data=body)


@asynccontextmanager
async def served(database: Database, **settings: str) -> AsyncIterator[Client]:
    """The API, served on loopback."""
    app, things = web.Application(middlewares=[problems]), Things()
    Api(Settings.load(settings), Threads(database), things.routes()).mount(app)
    runner = web.AppRunner(app, auto_decompress=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        keys = ApiKeys(database)
        _, key = await keys.create(scopes=["admin"])
        async with aiohttp.ClientSession() as session:
            yield Client(session, f"http://127.0.0.1:{runner.addresses[0][1]}", things, keys, key)
    finally:
        await runner.cleanup()


def problem(answer: Answer) -> dict[str, object]:
    """A refusal, as RFC 9457 wants it."""
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    found: dict[str, object] = json.loads(answer.body)
    assert found["status"] == answer.status
    assert {"type", "title"} <= set(found)
    return found


@asynccontextmanager
async def ingress(database: Database, **settings: str) -> AsyncIterator[str]:
    """The whole of ingress, served on loopback without workers; yields its address."""
    threads, loaded = Threads(database), Settings.load(settings)
    runner = web.AppRunner(application(loaded, threads, Webhooks(loaded, threads)), auto_decompress=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
