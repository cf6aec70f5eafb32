"""Messages to an agent by name: `/v1/agents/{id}/message`, `/agents/{agent}/{sessionId}`."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from aiohttp import web
from pydantic import Field, StringConstraints

from answerback.store.chats.chat import NewChat
from answerback.store.chats.sessions import LONGEST, open_chat

from ...problems import Problem
from ..context import RequestContext
from ..conversations.agent_registry import DEFAULT, TAG, aliases
from ..conversations.agent_requests import AgentRequests, text_of
from ..route import Model, Route, collect, route
from ..schemas.message_views import DISPATCH_ID
from ..schemas.messages import CONTENT


class AgentMessage(Model):
    """A message to an agent."""

    message: Annotated[str, StringConstraints(min_length=1, max_length=CONTENT)]
    sessionId: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST)] | None = Field(
        None, description="any text, the same for all messages of a session, or a thread's id; default: a new session"
    )


class Response(Model):
    """The answer."""

    response: str


class Meta(Model):
    """Where the answer is stored. `threadId` is an id for `/api/v1/chat/threads`."""

    agent: str
    sessionId: str
    threadId: str
    dispatchId: str = Field(description=DISPATCH_ID)
    messageId: str = Field(description="the same: the message's `id` in its thread")
    turnId: str
    status: str


class AgentAnswer(Model):
    """An agent's answer."""

    result: Response
    meta: Meta = Field(alias="_meta")


PARAMETERS = {
    "id": "the agent's name",
    "agent": "the agent's name",
    "sessionId": "any text, or a thread's id",
}
message_route = partial(
    route,
    "POST",
    scope="chat:write",
    body=AgentMessage,
    returns=AgentAnswer,
    repeated="handler",
    refusals={
        404: "there is no such agent",
        409: "it does not accept chat messages, is busy and drops messages, or its thread has ended",
        502: "the turn failed permanently, or the agent could not be reached in any attempt",
        504: "the turn took too long",
    },
)


class AgentMessages:
    """The routes that send a message to an agent."""

    def __init__(self, requests: AgentRequests) -> None:
        self._requests = requests

    def routes(self) -> list[Route]:
        """Return the routes, each also at the root."""
        return collect(self, tag=TAG, parameters=PARAMETERS)

    @message_route(
        "/agents/{id}/message", aliases=aliases("/agents/{id}/message"), summary="Send a message to an agent"
    )
    @message_route(
        f"/agents/{DEFAULT}/{{sessionId}}",
        aliases=(f"/agents/{DEFAULT}/{{sessionId}}",),
        summary="Send a message to the default chat agent",
    )
    @message_route(
        "/agents/{agent}/{sessionId}",
        aliases=("/agents/{agent}/{sessionId}",),
        summary="Send a message to an agent in a session",
    )
    async def message(self, call: RequestContext) -> web.Response:
        """Post a message and return the agent's answer."""
        new: AgentMessage = call.body
        name = call.path.get("agent") or call.path.get("id") or ""
        agents, workspace = self._requests.agents, call.caller.workspace
        agent = None
        if name:
            agent = await agents.get(call.caller, name)
        else:
            await agents.anyone(workspace)
        session = call.path.get("sessionId") or new.sessionId
        if session and len(session) > LONGEST:
            raise Problem(404, f"sessionId exceeds {LONGEST} characters")
        thread = await self._thread(call, name, session)
        async with self._requests.say(call, thread, new.message, agent) as posted:
            answer = await self._requests.answer(posted)
        meta = Meta(
            agent=answer.messages[-1].agent if answer.messages else name,
            sessionId=session or thread,
            threadId=thread,
            dispatchId=posted.receipt.dispatch_id,
            messageId=posted.receipt.dispatch_id,
            turnId=answer.turn,
            status=answer.status,
        )
        return call.answer(AgentAnswer(result=Response(response=text_of(answer)), _meta=meta))

    async def _thread(self, call: RequestContext, agent: str, session: str | None) -> str:
        """Return the chat of a session: a new one if unnamed, else the thread of this id, else the agent's session."""
        chats, workspace = self._requests.chats, call.caller.workspace
        if session is None:
            return (await chats.open(workspace, f"th_{call.idempotency[:20]}", NewChat(agent=agent))).id
        return (await open_chat(chats, workspace, agent, session)).id
