"""Something said to an agent by its name: `/v1/agents/{id}/message`, `/agents/{agent}/{sessionId}`."""

from __future__ import annotations

from typing import Annotated, Any

from aiohttp import web
from pydantic import Field, StringConstraints

from answerback.store import NewChat

from ...problems import Problem
from ..context import RequestContext
from ..conversations.agent_registry import DEFAULT, TAG
from ..conversations.agent_requests import AgentRequests, text_of
from ..route import BASE, Model, Route
from ..schemas.messages import CONTENT

LONGEST = 256
"""Characters of a session's name."""


class AgentMessage(Model):
    """Something said to an agent."""

    message: Annotated[str, StringConstraints(min_length=1, max_length=CONTENT)]
    sessionId: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST)] | None = Field(
        None, description="the same for what belongs together: any text, or a thread's id; unset: a new session"
    )


class Response(Model):
    """What it said."""

    response: str


class Meta(Model):
    """Where it stands. `threadId` is for `/api/v1/chat/threads`."""

    agent: str
    sessionId: str
    threadId: str
    messageId: str
    turnId: str
    status: str


class AgentAnswer(Model):
    """An agent's answer."""

    result: Response
    meta: Meta = Field(alias="_meta")


class AgentMessages:
    """The routes that say something to an agent."""

    def __init__(self, asking: AgentRequests) -> None:
        self._asking = asking

    def routes(self) -> list[Route]:
        """All of them, each at the root too."""
        one, names = "/v1/agents/{id}/message", {"id": "the agent's name"}
        said: dict[str, Any] = {
            "method": "POST",
            "scope": "chat:write",
            "tag": TAG,
            "body": AgentMessage,
            "answer": AgentAnswer,
            "repeated": "handler",
            "refusals": {
                404: "there is no such agent",
                409: "it cannot be talked to, is busy and drops messages, or its thread has ended",
                502: "it failed, or could not be reached, after all retries",
                504: "it took too long",
            },
        }
        path = {"agent": "the agent's name", "sessionId": "any text, or a thread's id"}
        return [
            Route(
                path=f"/api{one}", aliases=(one,), handler=self.message, names=names,
                summary="Say something to an agent", **said,
            ),
            Route(
                path=f"{BASE}/agents/{DEFAULT}/{{sessionId}}", aliases=(f"/agents/{DEFAULT}/{{sessionId}}",),
                handler=self.message, names=path, summary="Say something to whoever takes chats", **said,
            ),
            Route(
                path=f"{BASE}/agents/{{agent}}/{{sessionId}}", aliases=("/agents/{agent}/{sessionId}",),
                handler=self.message, names=path, summary="Say something to an agent in a session", **said,
            ),
        ]  # fmt: skip

    async def message(self, call: RequestContext) -> web.Response:
        """Say something, and answer with what is said to it."""
        said: AgentMessage = call.body
        name = call.path.get("agent") or call.path.get("id") or ""
        agents, workspace = self._asking.agents, call.caller.workspace
        agent = None
        if name:
            agent = await agents.get(call.caller, name)
        else:
            await agents.anyone(workspace)
        session = call.path.get("sessionId") or said.sessionId
        if session and len(session) > LONGEST:
            raise Problem(404, f"the name of a session has at most {LONGEST} characters")
        thread = await self._thread(call, name, session)
        async with self._asking.say(call, thread, said.message, agent) as here:
            answer = await self._asking.answer(here)
        meta = Meta(
            agent=answer.messages[-1].agent if answer.messages else name,
            sessionId=session or thread,
            threadId=thread,
            messageId=here.receipt.dispatch_id,
            turnId=answer.turn,
            status=answer.status,
        )
        return call.answer(AgentAnswer(result=Response(response=text_of(answer)), _meta=meta))

    async def _thread(self, call: RequestContext, agent: str, session: str | None) -> str:
        """The chat of a session: a new one without a name, one that there is by its id, else the agent's own."""
        chats, workspace = self._asking.chats, call.caller.workspace
        if session is None:
            return (await chats.open(workspace, f"th_{call.idempotency[:20]}", NewChat(agent=agent))).id
        chat = await chats.get(workspace, session)
        if chat and (not agent or chat.agent in ("", agent)):
            return chat.id
        return await self._asking.session(call, agent, session)
