"""`/chat/threads`: threads opened, listed, read whole, changed and deleted."""

from __future__ import annotations

from typing import Annotated, Literal

from aiohttp import web
from pydantic import ConfigDict, Field, StringConstraints, model_validator

from answerback.errors import NoSuchThread
from answerback.store import NewChat
from answerback.store.access.session_tokens import SessionTokens
from answerback.store.threads.search import Filter

from ..context import RequestContext
from ..conversations.agent_registry import Agents
from ..conversations.conversation import Conversation
from ..conversations.messages import MessageRoutes, platforms
from ..route import BASE, Model, Route
from ..schemas.messages import AgentName, Metadata, Title, UserId
from ..schemas.threads import MessageView, ThreadView

THREADS, TAG = f"{BASE}/chat/threads", "Threads"


class NewThread(Model):
    """A thread to open."""

    agent: AgentName | None = Field(None, description="the agent that answers; unset: the first that takes chats")
    system: Annotated[str, StringConstraints(max_length=32_000)] = Field(
        "", description="what its agent is told besides"
    )
    user_id: UserId | None = Field(None, description="whose it is: your own id of a person")
    title: Title = ""
    metadata: Metadata = Field({})


class Change(Model):
    """What is to be changed; what is not given stays."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    title: Title | None = None
    pinned: bool | None = None
    archived: bool | None = None
    metadata: Metadata | None = Field(None, description="takes the place of all there was")

    @model_validator(mode="after")
    def _changes_something(self) -> Change:
        if not self.model_fields_set:
            raise ValueError("give something to change: title, pinned, archived or metadata")
        return self


class ThreadQuery(Model):
    """Which threads."""

    user_id: UserId | None = None
    archived: Literal["true", "false", "any"] = "false"
    pinned: bool | None = None
    cursor: str = Field("", max_length=500, description="the `next_cursor` of the page before")
    limit: int = Field(50, ge=1, le=100)


class Threads(Model):
    """A page of threads. It may hold fewer than asked for, and have a `next_cursor` all the same."""

    threads: list[ThreadView]
    next_cursor: str | None


class WholeThread(ThreadView):
    """A thread with what was said in it."""

    messages: list[MessageView] = Field(description="the newest 2,000, oldest first")
    earlier: int = Field(description="how many came before: GET …/messages has them all")
    waiting: list[MessageView] = Field(description="what is not answered yet; the first may be under way")
    after: str = Field(description="follow the thread's stream from here to see what comes after `messages`")


class ChatThreads:
    """The threads of a workspace."""

    def __init__(self, conversation: Conversation, talk: MessageRoutes, agents: Agents) -> None:
        self._chats = conversation.chats
        self._tokens = SessionTokens(conversation.threads.database)
        self._talk = talk
        self._agents = agents

    def routes(self) -> list[Route]:
        """All about threads."""
        one, names = f"{THREADS}/{{id}}", {"id": "the thread's id"}
        readonly = {409: "it is a platform's thread"}
        return [
            Route(
                method="POST", path=THREADS, handler=self.create, scope="chat:write", summary="Create a thread",
                tag=TAG, body=NewThread, answer=ThreadView, status=201,
                refusals={404: "no worker serves an agent of that name"},
            ),
            Route(
                method="GET", path=THREADS, handler=self.list, scope="chat:read", summary="List threads", tag=TAG,
                description="By when something was said last, newest first. A key of the workspace `default` with "
                "the scope `admin` sees the threads of webhooks too, unless it asks for a user's.",
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
        """Open one."""
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
        """A page of them."""
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
        """One, whole."""
        found = await self._chats.whole(call.caller.workspace, call.path["id"], platforms=platforms(call.caller))
        return call.answer(
            WholeThread(
                **ThreadView.fields_of(found.chat, call.caller),
                messages=[MessageView.of(message, call.caller) for message in found.messages],
                earlier=found.earlier,
                waiting=[MessageView.waiting(event, call.caller) for event in found.waiting],
                after=found.after,
            )
        )

    async def change(self, call: RequestContext) -> web.Response:
        """Change what is given."""
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
        """Take one away."""
        await self._talk.writable(call)
        workspace, id = call.caller.workspace, call.path["id"]
        if not await self._chats.purge(workspace, id):
            raise NoSuchThread
        await self._tokens.end(workspace, id)
        return call.answer(None)
