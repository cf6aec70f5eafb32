"""`/api/v1/admin/overview`: the queues, the workers, and metrics of the last hour and day."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from itertools import count
from typing import Any

import msgspec
from aiohttp import web
from pydantic import Field

from answerback.store.fleet.metrics import Measure, Metrics
from answerback.store.fleet.orders import Orders
from answerback.store.fleet.workers import WorkerRegistry
from answerback.store.stream.stored_events import StoredEvent
from answerback.store.thread_ids import DEFAULT_WORKSPACE
from answerback.store.threads.queues import queues
from answerback.store.threads.threads import Threads

from ...problems import Problem
from ..context import Principal, RequestContext
from ..route import Model, Route, collect, route
from ..sse import TYPE, Streams
from ..ttl_cache import TTLCache

_json = msgspec.json.Encoder().encode

EVERY = 1.0
"""Seconds between two updates."""
CHARTS = 10
"""Updates between two sets of chart data."""


class Worker(Model):
    """A worker, by its own report."""

    id: str
    host: str
    pid: int
    state: str = Field(description='"working", "stopping" or "gone": no report for longer than its lease')
    turns: int = Field(description="running turns")
    concurrency: int
    done: int
    failed: int
    started: int = Field(description="ms")
    version: str = Field(description="version of its agents' code")
    agents: list[dict[str, Any]] = Field(description="each agent's name, description and subscriptions")


class Paused(Model):
    """What an operator has paused."""

    scope: str = Field(description='"everything", "agent:<name>" or "replies:<platform>"')
    by: str
    at: int = Field(description="ms")
    reason: str


class Overview(Model):
    """The queues and the workers."""

    waiting: int = Field(description="threads that wait for a worker")
    in_flight: int = Field(description="threads that a worker holds")
    oldest: int = Field(description="how long the oldest thread has been waiting, ms")
    retrying: int = Field(description="threads whose last attempt failed")
    waiting_for_resume: int = Field(description="threads that wait because their agent or platform is paused")
    unsent: int = Field(description="threads with unsent replies")
    dead: int = Field(description="dead letters")
    threads: int
    accepted: int = Field(description="events accepted since the store was created")
    handled: int
    paused: list[Paused]
    workers: list[Worker]


class Overviews:
    """The routes of the overview, for operators of the workspace `default`; others see only their own threads."""

    def __init__(self, threads: Threads, streams: Streams) -> None:
        self._threads = threads
        self._streams = streams
        self._workers = WorkerRegistry(threads.database)
        self._orders = Orders(threads.database)
        self._metrics = Metrics(threads.database)
        # All viewers share one Redis query per second.
        self._overview: TTLCache[str, Overview] = TTLCache(self._read_overview)
        self._charts: TTLCache[str, dict[str, Any]] = TTLCache(self._read_charts)

    def routes(self) -> list[Route]:
        """Return the routes: a snapshot and a stream."""
        return collect(self, tag="Dashboard")

    @route(
        "GET",
        "/admin/overview",
        scope="admin",
        summary="Get the queues and the workers",
        description="For keys of the workspace `default`.",
        returns=Overview,
    )
    async def get(self, call: RequestContext) -> web.Response:
        """Return the current state."""
        check_operator(call.caller)
        return call.answer(await self._overview.get(""))

    @route(
        "GET",
        "/admin/overview/stream",
        scope="admin",
        summary="Stream the queues, the workers and the metrics",
        description="Events: `overview` each second; `measures`, with the last `hour` in steps of a minute and "
        "the last `day` in steps of ten minutes.",
        streams=TYPE,
    )
    async def stream(self, call: RequestContext) -> web.StreamResponse:
        """Stream the state until the client disconnects."""
        check_operator(call.caller)
        return await self._streams.send(call.request, self._looks())

    async def _looks(self) -> AsyncGenerator[StoredEvent]:
        for update in count():
            yield StoredEvent("", "overview", (await self._overview.get("")).model_dump_json().encode())
            if update % CHARTS == 0:
                yield StoredEvent("", "measures", _json(await self._charts.get("")))
            await asyncio.sleep(EVERY)

    async def _read_overview(self, _: str) -> Overview:
        counts, reports = await queues(self._threads), await self._workers.workers()
        paused = await self._orders.paused()
        workers = [
            Worker(
                id=report.id,
                host=report.host,
                pid=report.pid,
                state="gone" if silent > report.lease else report.state,
                turns=report.turns,
                concurrency=report.concurrency,
                done=report.done,
                failed=report.failed,
                started=report.started,
                version=report.version,
                agents=[
                    plain_data(msgspec.structs.replace(agent, times=()))
                    for agent in report.agents
                    if not agent.workspace
                ],
            )
            for report, silent in reports
        ]
        return Overview(
            waiting=counts.turns.waiting,
            in_flight=counts.turns.in_flight,
            oldest=counts.turns.oldest,
            retrying=counts.turns.retrying,
            waiting_for_resume=counts.turns.paused + counts.replies.paused,
            unsent=counts.replies.waiting + counts.replies.in_flight + counts.replies.retrying + counts.replies.paused,
            dead=counts.dead,
            threads=counts.threads,
            accepted=counts.accepted,
            handled=counts.handled,
            paused=[Paused(scope=scope, by=o.by, at=o.at, reason=o.reason) for scope, o in paused.items()],
            workers=workers,
        )

    async def _read_charts(self, _: str) -> dict[str, Any]:
        hour, day = await self._metrics.read(60), await self._metrics.read(1440, each=10)
        return {"hour": _columns(hour), "day": _columns(day)}


def plain_data(value: Any) -> Any:
    """Convert a stored struct to plain data with all fields, including those omitted at their default."""
    if isinstance(value, msgspec.Struct):
        return {name: plain_data(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, (list, tuple)):
        return [plain_data(each) for each in value]
    return value


def _columns(measures: list[Measure]) -> dict[str, list[Any]]:
    rows = [msgspec.to_builtins(measure) for measure in measures]
    return {name: [row[name] for row in rows] for name in Measure.__struct_fields__}


def check_operator(caller: Principal) -> None:
    """Refuse callers who do not operate the whole store. Raises `Problem` (403)."""
    if caller.workspace != DEFAULT_WORKSPACE:
        raise Problem(403, f"this requires a key of the workspace {DEFAULT_WORKSPACE}", code="missing-scope")
