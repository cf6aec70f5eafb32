"""`/chat/threads`: create, list, read, change and delete chat threads."""

from __future__ import annotations

from aiohttp import web

from answerback.errors import NoSuchThread
from answerback.store.access.session_tokens import SessionTokens
from answerback.store.chats.chat import NewChat
from answerback.store.threads.search import Filter

from ..context import RequestContext
from ..conversations.agent_registry import Agents
from ..conversations.conversation import Conversation
from ..conversations.messages import MessageRoutes, platforms
from ..route import BASE, Route
from ..schemas.thread_requests import Change, NewThread, ThreadQuery, Threads, WholeThread
from ..schemas.threads import MessageView, ThreadView

THREADS, TAG = f"{BASE}/chat/threads", "Threads"


class ChatThreads:
    """The routes of chat threads."""

    def __init__(self, conversation: Conversation, talk: MessageRoutes, agents: Agents) -> None:
        self._chats = conversation.chats
        self._tokens = SessionTokens(conversation.threads.database)
        self._talk = talk
        self._agents = agents

    def routes(self) -> list[Route]:
        """Return the routes of threads."""
        one, names = f"{THREADS}/{{id}}", {"id": "the thread's id"}
        readonly = {409: "the thread belongs to a platform"}
        return [
            Route(
                method="POST", path=THREADS, handler=self.create, scope="chat:write", summary="Create a thread",
                tag=TAG, body=NewThread, answer=ThreadView, status=201,
                refusals={404: "no worker serves an agent of that name"},
            ),
            Route(
                method="GET", path=THREADS, handler=self.list, scope="chat:read", summary="List threads", tag=TAG,
                description="By the time of the last message, newest first. A key of the workspace `default` with "
                "the scope `admin` also sees webhook threads, unless the request has a `user_id`.",
                query=ThreadQuery, answer=Threads,
            ),
            Route(
                method="GET", path=one, handler=self.get, scope="chat:read", summary="Read a thread", tag=TAG,
                names=names, answer=WholeThread,
            ),
            Route(
                method="PATCH", path=one, handler=self.change, scope="chat:write", tag=TAG, names=names,
                summary="Rename, pin or archive a thread", body=Change, answer=ThreadView, refusals=readonly,
            ),
            Route(
                method="DELETE", path=one, handler=self.delete, scope="chat:write", tag=TAG, names=names,
                summary="Delete a thread with its messages", status=204, refusals=readonly,
            ),
            *self._talk.routes(THREADS, TAG, token=False),
        ]  # fmt: skip

    async def create(self, call: RequestContext) -> web.Response:
        """Create a thread."""
        new: NewThread = call.body
        await self._agents.check(call.caller, new.agent)
        opening = NewChat(
            user=new.user_id or "",
            agent=new.agent or "",
            title=new.title,
            system=new.system,
            metadata=new.metadata,
        )
        chat = await self._chats.open(call.caller.workspace, f"th_{call.idempotency[:20]}", opening)
        return call.answer(ThreadView.of(chat, call.caller), 201, {"Location": f"{THREADS}/{chat.id}"})

    async def list(self, call: RequestContext) -> web.Response:
        """Return a page of threads."""
        query: ThreadQuery = call.query
        page = await self._chats.list(
            call.caller.workspace,
            user=query.user_id,
            wanted=Filter(
                archived=None if query.archived == "any" else query.archived == "true",
                pinned=query.pinned,
            ),
            platforms=platforms(call.caller),
            cursor=query.cursor,
            limit=query.limit,
        )
        threads = [ThreadView.of(chat, call.caller) for chat in page.chats]
        return call.answer(Threads(threads=threads, next_cursor=page.cursor))

    async def get(self, call: RequestContext) -> web.Response:
        """Return a thread with its messages."""
        snapshot = await self._chats.whole(call.caller.workspace, call.path["id"], platforms=platforms(call.caller))
        return call.answer(
            WholeThread(
                **ThreadView.fields_of(snapshot.chat, call.caller),
                messages=[MessageView.of(message, call.caller) for message in snapshot.messages],
                earlier=snapshot.earlier,
                waiting=[MessageView.waiting(event, call.caller) for event in snapshot.waiting],
                after=snapshot.after,
            )
        )

    async def change(self, call: RequestContext) -> web.Response:
        """Change the given fields."""
        await self._talk.writable(call)
        given: Change = call.body
        chat = await self._chats.change(
            call.caller.workspace,
            call.path["id"],
            title=given.title,
            pinned=given.pinned,
            archived=given.archived,
            metadata=given.metadata,
        )
        return call.answer(ThreadView.of(chat, call.caller))

    async def delete(self, call: RequestContext) -> web.Response:
        """Delete a thread."""
        await self._talk.writable(call)
        workspace, id = call.caller.workspace, call.path["id"]
        if not await self._chats.purge(workspace, id):
            raise NoSuchThread
        await self._tokens.end(workspace, id)
        return call.answer(None)
