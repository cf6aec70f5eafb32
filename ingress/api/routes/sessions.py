"""`/chat/sessions`: a thread as one talk with one agent, which is opened, had, and ended."""

from __future__ import annotations

from typing import Any, Literal

from aiohttp import web
from pydantic import Field

from answerback.errors import NoSuchThread
from answerback.store import Chat, NewChat
from answerback.store.access.session_tokens import SessionTokens

from ...problems import Problem
from ..auth import audience
from ..context import Principal, RequestContext
from ..conversations.agent_registry import Agents
from ..conversations.conversation import Conversation
from ..conversations.messages import MessageRoutes
from ..route import BASE, Model, Route
from ..schemas.messages import AgentName, Metadata, UserId
from ..schemas.threads import Moment, moment

SESSIONS, TAG = f"{BASE}/chat/sessions", "Sessions"
LIFE = 86_400.0
"""Seconds that a session's token is good for."""


class NewSession(Model):
    """A session to open."""

    agentId: AgentName | None = Field(None, description="the agent that answers; unset: the first that takes chats")
    user_id: UserId | None = Field(None, description="whose it is: your own id; not with a publishable key")
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
        """Its fields, as a caller is told them."""
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
    """A session that was opened just now."""

    token: str | None = Field(
        description="opens this session, and nothing else, for a day; null where the key was secret"
    )


class Sessions:
    """The sessions of a workspace."""

    def __init__(self, conversation: Conversation, talk: MessageRoutes, agents: Agents) -> None:
        self._chats = conversation.chats
        self._tokens = SessionTokens(conversation.threads.database)
        self._talk = talk
        self._agents = agents

    def routes(self) -> list[Route]:
        """All about sessions."""
        one, names = f"{SESSIONS}/{{id}}", {"id": "the session's id"}
        return [
            Route(
                method="POST", path=SESSIONS, handler=self.open, scope="chat:write", summary="Open a session", tag=TAG,
                body=NewSession, answer=OpenedSession, status=201, publishable=True,
                refusals={404: "no worker serves an agent of that name"},
            ),
            Route(
                method="GET", path=one, handler=self.get, scope="chat:read", summary="Read a session", tag=TAG,
                names=names, answer=SessionView, session="id",
            ),
            Route(
                method="POST", path=f"{one}/end", handler=self.end, scope="chat:write", summary="End a session",
                description="It takes no more messages; what waits in it is still answered.",
                tag=TAG, names=names, answer=SessionView, session="id",
            ),
            *self._talk.routes(SESSIONS, TAG, token=True),
        ]  # fmt: skip

    async def open(self, call: RequestContext) -> web.Response:
        """Open one."""
        new: NewSession = call.body
        caller = call.caller
        if caller.kind == "pub" and new.user_id is not None:
            raise Problem(403, "a publishable key cannot say who its user is", code="not-for-this-key")
        await self._agents.check(caller, new.agentId)
        opening = NewChat(user=new.user_id or "", agent=new.agentId or "", metadata=new.metadata)
        chat = await self._chats.open(caller.workspace, f"th_{call.idempotency[:20]}", opening)
        token: str | None = None
        if caller.kind == "pub":
            _, shown = await self._tokens.grant(caller.workspace, chat.id, caller.key, seconds=LIFE)
            token = str(shown)
        opened = OpenedSession(**SessionView.fields_of(chat, caller), token=token)
        return call.answer(opened, 201, {"Location": f"{SESSIONS}/{chat.id}"})

    async def get(self, call: RequestContext) -> web.Response:
        """One, as it stands."""
        chat = await self._chats.get(call.caller.workspace, call.path["id"])
        if chat is None:
            raise NoSuchThread
        return call.answer(SessionView(**SessionView.fields_of(chat, call.caller)))

    async def end(self, call: RequestContext) -> web.Response:
        """End it."""
        chat = await self._chats.end(call.caller.workspace, call.path["id"])
        return call.answer(SessionView(**SessionView.fields_of(chat, call.caller)))
