"""`/chat/threads`: create, list, read, change and delete chat threads."""

from __future__ import annotations

from aiohttp import web

from answerback.errors import NoSuchThread
from answerback.store.access.session_tokens import SessionTokens
from answerback.store.chats.chat import NewChat
from answerback.store.threads.repair import set_attention
from answerback.store.threads.search import Filter

from ...problems import Problem
from ..admin.audit import audit
from ..auth.ownership import check_fields, user_of
from ..context import RequestContext
from ..conversations.agent_registry import Agents
from ..conversations.conversation import Conversation
from ..conversations.messages import MessageRoutes, platforms
from ..route import BASE, Route, collect, route
from ..schemas.threads import NewThread, ThreadChange, ThreadDetail, ThreadPage, ThreadQuery, ThreadSummary

TAG = "Threads"
PATH = "/chat/threads"
ONE = f"{PATH}/{{id}}"
THREADS = f"{BASE}{PATH}"
READ_ONLY = {409: "the thread belongs to a platform"}


class ChatThreads:
    """The routes of chat threads."""

    def __init__(self, conversation: Conversation, messages: MessageRoutes, agents: Agents) -> None:
        self._chats = conversation.chats
        self._threads = conversation.threads
        self._tokens = SessionTokens(conversation.threads.database)
        self._messages = messages
        self._agents = agents

    def routes(self) -> list[Route]:
        """Return the routes of threads and of their messages."""
        parameters = {"id": "the thread's id"}
        return [*collect(self, tag=TAG, parameters=parameters), *self._messages.routes(THREADS, TAG, parameters)]

    @route(
        "POST",
        PATH,
        scope="chat:write",
        user="own",
        summary="Create a thread",
        body=NewThread,
        returns=ThreadSummary,
        status=201,
        refusals={404: "no worker serves an agent of that name"},
    )
    async def create(self, call: RequestContext) -> web.Response:
        """Create a thread."""
        new: NewThread = call.body
        check_fields(call.caller, system=new.system)
        await self._agents.check(call.caller, new.agent)
        new_chat = NewChat(
            user=user_of(call.caller, new.user_id) or "",
            agent=new.agent or "",
            title=new.title,
            system=new.system,
            metadata=new.metadata,
        )
        chat = await self._chats.open(call.caller.workspace, f"th_{call.idempotency[:20]}", new_chat)
        return call.answer(ThreadSummary.of(chat, call.caller), 201, {"Location": f"{THREADS}/{chat.id}"})

    @route(
        "GET",
        PATH,
        scope="chat:read",
        user="own",
        summary="List threads",
        description="By the time of the last message, newest first. A key of the workspace `default` with "
        "the scope `admin` also sees webhook threads, unless the request has a `user_id`.",
        query=ThreadQuery,
        returns=ThreadPage,
    )
    async def list(self, call: RequestContext) -> web.Response:
        """Return a page of threads."""
        query: ThreadQuery = call.query
        page = await self._chats.list(
            call.caller.workspace,
            user=user_of(call.caller, query.user_id),
            wanted=Filter(
                archived=None if query.archived == "any" else query.archived == "true",
                pinned=query.pinned,
            ),
            platforms=platforms(call.caller),
            cursor=query.cursor,
            limit=query.limit,
        )
        threads = [ThreadSummary.of(chat, call.caller) for chat in page.chats]
        return call.answer(ThreadPage(threads=threads, next_cursor=page.cursor))

    @route("GET", ONE, scope="chat:read", user="thread", summary="Read a thread", returns=ThreadDetail)
    async def get(self, call: RequestContext) -> web.Response:
        """Return a thread with its messages."""
        snapshot = await self._chats.snapshot(call.caller.workspace, call.path["id"], platforms=platforms(call.caller))
        return call.answer(ThreadDetail.of_snapshot(snapshot, call.caller))

    @route(
        "PATCH",
        ONE,
        scope="chat:write",
        user="thread",
        summary="Rename, pin, archive or reassign a thread",
        description="Fields that are not given stay as they are. Messages that wait already keep their agent. Of a "
        "platform's thread, only the `attention` can be changed, with the scope `admin` in the workspace `default`.",
        body=ThreadChange,
        returns=ThreadSummary,
        refusals={
            404: "there is no such thread, or no worker serves an agent of that name",
            409: "the thread belongs to a platform, or is a chat and has no `attention` to change; or the agent does "
            "not accept chat messages",
        },
    )
    async def change(self, call: RequestContext) -> web.Response:
        """Change the given fields."""
        change: ThreadChange = call.body
        if change.attention is not None:
            return await self._set_attention(call, change)
        await self._messages.writable(call)
        check_fields(call.caller, system=change.system, metadata=change.metadata)
        await self._agents.check(call.caller, change.agent)
        chat = await self._chats.change(
            call.caller.workspace,
            call.path["id"],
            title=change.title,
            pinned=change.pinned,
            archived=change.archived,
            agent=change.new_agent,
            system=change.system,
            metadata=change.metadata,
        )
        return call.answer(ThreadSummary.of(chat, call.caller))

    @route(
        "DELETE",
        ONE,
        scope="chat:write",
        user="thread",
        summary="Delete a thread with its messages",
        status=204,
        refusals=READ_ONLY,
    )
    async def delete(self, call: RequestContext) -> web.Response:
        """Delete a thread."""
        await self._messages.writable(call)
        workspace, id = call.caller.workspace, call.path["id"]
        if not await self._chats.purge(workspace, id):
            raise NoSuchThread
        await self._tokens.end(workspace, id)
        return call.answer(None)

    async def _set_attention(self, call: RequestContext, change: ThreadChange) -> web.Response:
        """Mute or subscribe a platform's thread. Raises `Problem` (409) for a chat, or if more is to be changed."""
        id, caller = call.path["id"], call.caller
        chat = await self._chats.get(caller.workspace, id, platforms=platforms(caller))
        if chat is None or change.attention is None:
            raise NoSuchThread
        if chat.platform == "chat":
            detail = "the thread is a chat, where each message is for its agent: it cannot be muted or subscribed"
            raise Problem(409, detail, code="no-attention")
        if change.model_fields_set != {"attention"}:
            detail = "the thread belongs to a platform: only its attention can be changed here"
            raise Problem(409, detail, code="read-only")
        done = await set_attention(self._threads, chat.thread, change.attention)
        if done is None:
            raise NoSuchThread
        audit(call, "threads.attention", thread=chat.thread, attention=done.attention, before=done.before)
        changed = await self._chats.get(caller.workspace, id, platforms=True)
        if changed is None:
            raise NoSuchThread
        return call.answer(ThreadSummary.of(changed, caller))
