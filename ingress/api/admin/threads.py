"""`/api/v1/admin/threads`: all threads of a workspace, and what an operator does to them."""

from __future__ import annotations

import asyncio
from typing import Literal

from aiohttp import web
from pydantic import Field

from answerback.diagrams.svg import svg
from answerback.store import Archives, Chat, Chats, Flows, Threads
from answerback.store.threads import search
from answerback.store.threads.repair import requeue, unlock
from answerback.store.threads.views import transcript

from ...problems import Problem
from ..context import RequestContext
from ..route import BASE, Model, Route
from .audit import audit
from .transcript import FlowPlace, ThreadRow, Transcript

PATH = f"{BASE}/admin/threads"
ALONE = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""The policy of a drawing that is opened by itself: its own style, and nothing else."""


class Filter(Model):
    """Which threads are listed."""

    platform: str = Field(default="", max_length=64, description="chat, github, slack, standard")
    agent: str = Field(default="", max_length=200)
    state: Literal["", "idle", "waiting", "running", "retrying"] = ""
    q: str = Field(
        default="",
        max_length=200,
        description="a part of the title, channel, user or id; a whole id finds that thread alone",
    )
    cursor: str = Field(default="", max_length=1000, description="where to go on: the last answer's `cursor`")
    limit: int = Field(default=50, ge=1, le=200)

    def search(self) -> search.Filter:
        """As the store takes it."""
        return search.Filter(platform=self.platform, agent=self.agent, state=self.state, text=self.q)


class ThreadPage(Model):
    """Threads, the one to which something was said last first."""

    threads: list[ThreadRow]
    cursor: str | None = Field(description="where to go on; null at the end. A page may hold fewer than asked for")


class OperationResult(Model):
    """What came of it."""

    done: bool = Field(description="false when there was nothing to do")


class AdminThreads:
    """The threads, for an operator."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._chats = Chats(threads)
        self._archives = Archives(threads)
        self._flows = Flows(threads)

    def routes(self) -> list[Route]:
        """List, show, draw, cancel, unlock, requeue, purge."""
        names = {"thread": "a thread's id"}
        return [
            Route(
                method="GET",
                path=PATH,
                handler=self.list,
                scope="admin",
                summary="List the threads of a workspace",
                description="With a key of the workspace `default`, those of the platforms are among them.",
                tag="Dashboard",
                query=Filter,
                answer=ThreadPage,
                refusals={422: "the cursor, or another field, is not as it should be"},
            ),
            Route(
                method="GET",
                path=f"{PATH}/{{thread}}",
                handler=self.show,
                scope="admin",
                summary="A thread whole: what was said, what waits, the running turn's steps, what went out",
                tag="Dashboard",
                names=names,
                answer=Transcript,
            ),
            Route(
                method="GET",
                path=f"{PATH}/{{thread}}/flow",
                handler=self.draw,
                scope="admin",
                summary="A drawing of the flow that a thread's agent follows, the thread's place in it marked",
                tag="Dashboard",
                names=names,
                streams="image/svg+xml",
                refusals={404: "there is no such thread, or its agent follows no flow that a worker told of"},
            ),
            Route(
                method="POST",
                path=f"{PATH}/{{thread}}/cancel",
                handler=self.cancel,
                scope="admin",
                summary="Cancel the turn that runs in a thread, or waits to",
                tag="Dashboard",
                names=names,
                answer=OperationResult,
            ),
            Route(
                method="POST",
                path=f"{PATH}/{{thread}}/unlock",
                handler=self.unlock,
                scope="admin",
                summary="Take a thread from the worker that holds it",
                description="What that worker still writes is refused; the turn goes on where it was journaled last.",
                tag="Dashboard",
                names=names,
                answer=OperationResult,
            ),
            Route(
                method="POST",
                path=f"{PATH}/{{thread}}/requeue",
                handler=self.requeue,
                scope="admin",
                summary="Make a thread's next try now",
                tag="Dashboard",
                names=names,
                answer=OperationResult,
            ),
            Route(
                method="DELETE",
                path=f"{PATH}/{{thread}}",
                handler=self.purge,
                scope="admin",
                summary="Take a thread away, with all that was said in it",
                tag="Dashboard",
                names=names,
                answer=OperationResult,
            ),
        ]

    async def list(self, call: RequestContext) -> web.Response:
        """One page."""
        query: Filter = call.query
        workspace, cursor = call.caller.workspace, query.cursor
        if query.q and not cursor and (exact := await self._chats.get(workspace, query.q, platforms=True)):
            return call.answer(ThreadPage(threads=[ThreadRow.of(exact)], cursor=None))
        page = await self._chats.list(
            workspace, platforms=True, wanted=query.search(), cursor=cursor, limit=query.limit
        )
        return call.answer(ThreadPage(threads=[ThreadRow.of(chat) for chat in page.chats], cursor=page.cursor))

    async def show(self, call: RequestContext) -> web.Response:
        """One thread."""
        chat = await self._get(call)
        found = await transcript(self._threads, chat.thread)
        if found is None:
            raise Problem(404, "there is no such thread")
        standing = await self._flows.standing(chat.thread)
        # To lay out a large flow for the first time takes long enough for others to wait.
        place = await asyncio.to_thread(FlowPlace.of, standing) if standing else None
        return call.answer(Transcript.of(chat, found, place))

    async def draw(self, call: RequestContext) -> web.Response:
        """The flow that it is in."""
        standing = await self._flows.standing((await self._get(call)).thread)
        if standing is None:
            raise Problem(404, "the agent of this thread follows no flow that a worker told of")
        picture = await asyncio.to_thread(svg, standing.sketch, standing.node)
        headers = {"Content-Security-Policy": ALONE}
        return web.Response(text=picture, content_type="image/svg+xml", headers=headers)

    async def cancel(self, call: RequestContext) -> web.Response:
        """Cancel its turn."""
        chat = await self._get(call)
        return _done(call, "threads.cancel", chat, await self._threads.cancel(chat.thread))

    async def unlock(self, call: RequestContext) -> web.Response:
        """Take it from its worker."""
        chat = await self._get(call)
        found = await unlock(self._threads, chat.thread)
        return _done(call, "threads.unlock", chat, found is not None and bool(found.owner or found.sending))

    async def requeue(self, call: RequestContext) -> web.Response:
        """Try it now."""
        chat = await self._get(call)
        found = await requeue(self._threads, chat.thread)
        done = found is not None and not {"requeued", "lost"}.isdisjoint((found.turn, found.replies))
        return _done(call, "threads.requeue", chat, done)

    async def purge(self, call: RequestContext) -> web.Response:
        """Take it away."""
        chat = await self._get(call)
        return _done(call, "threads.purge", chat, await self._archives.purge(chat.thread) is not None)

    async def _get(self, call: RequestContext) -> Chat:
        chat = await self._chats.get(call.caller.workspace, call.path["thread"], platforms=True)
        if chat is None:
            raise Problem(404, "there is no such thread")
        return chat


def _done(call: RequestContext, action: str, chat: Chat, done: bool) -> web.Response:
    audit(call, action, thread=chat.thread, done=done)
    return call.answer(OperationResult(done=done))
