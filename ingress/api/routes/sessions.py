"""`/chat/sessions`: chats between one visitor and one agent, opened and ended by the client."""

from __future__ import annotations

from typing import Any, Literal

from aiohttp import web
from pydantic import Field

from answerback.errors import NoSuchThread
from answerback.store.access.session_tokens import SessionTokens
from answerback.store.chats.chat import Chat, NewChat

from ...problems import Problem
from ..auth import audience
from ..auth.ownership import user_of
from ..context import Principal, RequestContext
from ..conversations.agent_registry import Agents
from ..conversations.conversation import Conversation
from ..conversations.messages import MessageRoutes
from ..route import BASE, Model, Route, collect, route
from ..schemas.messages import AgentName, Metadata, UserId
from ..schemas.moments import Moment, moment

TAG = "Sessions"
PATH = "/chat/sessions"
ONE = f"{PATH}/{{id}}"
SESSIONS = f"{BASE}{PATH}"
LIFE = 86_400.0
"""Lifetime of a session token in seconds."""


class NewSession(Model):
    """A session to open."""

    agentId: AgentName | None = Field(None, description="the agent that answers; default: the default chat agent")
    user_id: UserId | None = Field(None, description="your own id of the user; not allowed with a publishable key")
    metadata: Metadata = Field({})


class SessionView(Model):
    """A session. Its thread has the same id."""

    id: str
    agentId: str | None
    status: Literal["open", "ended"]
    state: Literal["idle", "waiting", "running", "retrying"]
    created_at: Moment
    updated_at: Moment

    @classmethod
    def fields_of(cls, chat: Chat, caller: Principal) -> dict[str, Any]:
        """Return the fields that the caller may see."""
        chat = audience.thread(caller, chat)
        return {
            "id": chat.id,
            "agentId": chat.agent or None,
            "status": chat.status,
            "state": chat.state,
            "created_at": moment(chat.created),
            "updated_at": moment(chat.updated),
        }


class OpenedSession(SessionView):
    """A new session."""

    token: str | None = Field(description="a token valid for this session only, for a day; null with a secret key")


class Sessions:
    """The routes of sessions."""

    def __init__(self, conversation: Conversation, messages: MessageRoutes, agents: Agents) -> None:
        self._chats = conversation.chats
        self._tokens = SessionTokens(conversation.threads.database)
        self._messages = messages
        self._agents = agents

    def routes(self) -> list[Route]:
        """Return the routes of sessions and of their messages."""
        parameters = {"id": "the session's id"}
        messages = self._messages.routes(SESSIONS, TAG, parameters, session="id")
        return [*collect(self, tag=TAG, parameters=parameters), *messages]

    @route(
        "POST",
        PATH,
        scope="chat:write",
        user="own",
        summary="Open a session",
        body=NewSession,
        returns=OpenedSession,
        status=201,
        publishable=True,
        refusals={404: "no worker serves an agent of that name"},
    )
    async def open(self, call: RequestContext) -> web.Response:
        """Open a session."""
        new: NewSession = call.body
        caller = call.caller
        if caller.kind == "pub" and new.user_id is not None:
            raise Problem(403, "user_id is not allowed with a publishable key", code="not-for-this-key")
        await self._agents.check(caller, new.agentId)
        new_chat = NewChat(user=user_of(caller, new.user_id) or "", agent=new.agentId or "", metadata=new.metadata)
        chat = await self._chats.open(caller.workspace, f"th_{call.idempotency[:20]}", new_chat)
        token: str | None = None
        if caller.kind == "pub":
            _, credential = await self._tokens.grant(caller.workspace, chat.id, caller.key, seconds=LIFE)
            token = str(credential)
        opened = OpenedSession(**SessionView.fields_of(chat, caller), token=token)
        return call.answer(opened, 201, {"Location": f"{SESSIONS}/{chat.id}"})

    @route("GET", ONE, scope="chat:read", summary="Read a session", returns=SessionView, session="id", user="thread")
    async def get(self, call: RequestContext) -> web.Response:
        """Return a session."""
        chat = await self._chats.get(call.caller.workspace, call.path["id"])
        if chat is None:
            raise NoSuchThread
        return call.answer(SessionView(**SessionView.fields_of(chat, call.caller)))

    @route(
        "POST",
        f"{ONE}/end",
        scope="chat:write",
        summary="End a session",
        description="The session accepts no more messages; waiting messages are still answered.",
        returns=SessionView,
        session="id",
        user="thread",
    )
    async def end(self, call: RequestContext) -> web.Response:
        """End a session."""
        chat = await self._chats.end(call.caller.workspace, call.path["id"])
        return call.answer(SessionView(**SessionView.fields_of(chat, call.caller)))
