"""`/api/v1/admin/threads`: list and read the threads of a workspace; cancel, unlock, requeue and purge them."""

from __future__ import annotations

import asyncio
from typing import Literal

from aiohttp import web
from pydantic import Field

from answerback.diagrams.svg import svg
from answerback.flow_position import FlowPosition
from answerback.store.chats.chat import Chat
from answerback.store.chats.chats import Chats
from answerback.store.fleet.flows import Flows
from answerback.store.thread_ids import chat_thread
from answerback.store.threads import search
from answerback.store.threads.archives import Archives
from answerback.store.threads.repair import requeue, unlock
from answerback.store.threads.threads import Threads
from answerback.store.threads.views import transcript

from ...problems import Problem
from ..context import RequestContext
from ..route import Model, Route, collect, route
from ..schemas.threads import ThreadPage, ThreadSummary
from .audit import audit
from .transcript import FlowPlace, Transcript

PATH = "/admin/threads"
ONE = f"{PATH}/{{thread}}"
ALONE = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""The content security policy of a diagram opened on its own: inline style only."""


class AdminThreadQuery(Model):
    """A filter of threads, with paging."""

    platform: str = Field(default="", max_length=64, description='the name of a platform, such as "github", or "chat"')
    agent: str = Field(default="", max_length=200)
    state: Literal["", "idle", "waiting", "running", "retrying"] = ""
    q: str = Field(
        default="",
        max_length=200,
        description="part of the title, channel, user or id; a full id finds that thread only",
    )
    cursor: str = Field(default="", max_length=1000, description="the `next_cursor` of the previous page")
    limit: int = Field(default=50, ge=1, le=200)

    def search(self) -> search.Filter:
        """Return the filter of the store."""
        return search.Filter(platform=self.platform, agent=self.agent, state=self.state, text=self.q)


class OperationResult(Model):
    """The result of an operation."""

    done: bool = Field(description="false when there was nothing to do")


class AdminThreads:
    """The routes of threads for operators."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._chats = Chats(threads)
        self._archives = Archives(threads)
        self._flows = Flows(threads)

    def routes(self) -> list[Route]:
        """Return the routes."""
        return collect(self, tag="Dashboard", parameters={"thread": "a thread's id"})

    @route(
        "GET",
        PATH,
        scope="admin",
        summary="List the threads of a workspace",
        description="With a key of the workspace `default`, this includes the threads of platforms.",
        query=AdminThreadQuery,
        returns=ThreadPage,
        refusals={422: "the cursor or another field failed validation"},
    )
    async def list(self, call: RequestContext) -> web.Response:
        """Return a page of threads."""
        query: AdminThreadQuery = call.query
        workspace, cursor = call.caller.workspace, query.cursor
        # A chat's id has two forms: without its workspace in the API, with it in logs and in the CLI.
        id = query.q.strip().removeprefix(chat_thread(workspace, ""))
        if id and not cursor and (exact := await self._chats.get(workspace, id, platforms=True)):
            fits = await search.matching(self._threads, [exact.thread], query.search())
            threads = [ThreadSummary.of(exact, call.caller)] if fits else []
            return call.answer(ThreadPage(threads=threads, next_cursor=None))
        page = await self._chats.list(
            workspace, platforms=True, wanted=query.search(), cursor=cursor, limit=query.limit
        )
        threads = [ThreadSummary.of(chat, call.caller) for chat in page.chats]
        return call.answer(ThreadPage(threads=threads, next_cursor=page.cursor))

    @route(
        "GET",
        ONE,
        scope="admin",
        summary="Read a thread: messages, waiting events, steps of the running turn, replies",
        returns=Transcript,
    )
    async def show(self, call: RequestContext) -> web.Response:
        """Return the transcript of a thread."""
        chat = await self._get(call)
        stored = await transcript(self._threads, chat.thread)
        if stored is None:
            raise Problem(404, "there is no such thread")
        position = await self._position(chat.thread)
        # In a thread: the first layout of a large flow would block the event loop.
        place = await asyncio.to_thread(FlowPlace.of, position) if position else None
        return call.answer(Transcript.of(chat, stored, place, call.caller))

    @route(
        "GET",
        f"{ONE}/flow",
        scope="admin",
        summary="Get the diagram of a thread's flow, with its current node marked",
        streams="image/svg+xml",
        refusals={404: "there is no such thread, or its agent has no flow"},
    )
    async def draw(self, call: RequestContext) -> web.Response:
        """Return the diagram of a thread's flow."""
        position = await self._position((await self._get(call)).thread)
        if position is None:
            raise Problem(404, "the agent of this thread has no flow")
        picture = await asyncio.to_thread(svg, position.sketch, position.node)
        headers = {"Content-Security-Policy": ALONE}
        return web.Response(text=picture, content_type="image/svg+xml", headers=headers)

    @route(
        "POST",
        f"{ONE}/cancel",
        scope="admin",
        summary="Cancel the running or waiting turn of a thread",
        returns=OperationResult,
    )
    async def cancel(self, call: RequestContext) -> web.Response:
        """Cancel the turn of a thread."""
        chat = await self._get(call)
        return _done(call, "threads.cancel", chat, await self._threads.cancel(chat.thread))

    @route(
        "POST",
        f"{ONE}/unlock",
        scope="admin",
        summary="Release a thread from the worker that holds it",
        description="Later writes of that worker are refused; the turn continues from its journal.",
        returns=OperationResult,
    )
    async def unlock(self, call: RequestContext) -> web.Response:
        """Release a thread from its worker."""
        chat = await self._get(call)
        released = await unlock(self._threads, chat.thread)
        return _done(call, "threads.unlock", chat, released is not None and bool(released.owner or released.sending))

    @route(
        "POST",
        f"{ONE}/requeue",
        scope="admin",
        summary="Retry a thread now",
        returns=OperationResult,
    )
    async def requeue(self, call: RequestContext) -> web.Response:
        """Retry a thread now."""
        chat = await self._get(call)
        requeued = await requeue(self._threads, chat.thread)
        done = requeued is not None and not {"requeued", "lost"}.isdisjoint((requeued.turn, requeued.replies))
        return _done(call, "threads.requeue", chat, done)

    @route(
        "DELETE",
        ONE,
        scope="admin",
        summary="Delete a thread with its messages",
        returns=OperationResult,
    )
    async def purge(self, call: RequestContext) -> web.Response:
        """Delete a thread."""
        chat = await self._get(call)
        return _done(call, "threads.purge", chat, await self._archives.purge(chat.thread) is not None)

    async def _position(self, thread: str) -> FlowPosition | None:
        stored = await self._flows.of(thread)
        return FlowPosition.read(stored.agent, stored.state, stored.diagram) if stored else None

    async def _get(self, call: RequestContext) -> Chat:
        chat = await self._chats.get(call.caller.workspace, call.path["thread"], platforms=True)
        if chat is None:
            raise Problem(404, "there is no such thread")
        return chat


def _done(call: RequestContext, action: str, chat: Chat, done: bool) -> web.Response:
    audit(call, action, thread=chat.thread, done=done)
    return call.answer(OperationResult(done=done))
