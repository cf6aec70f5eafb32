"""`/dialog/{agent}`: single turns with an agent, as JSON or streamed text, with or without a session."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated

from aiohttp import web
from pydantic import Field, StringConstraints

from answerback.store.chats.sessions import session_id
from answerback.store.fleet.agents import AgentInfo

from ...problems import Problem
from ..context import RequestContext
from ..conversations.agent_requests import AgentRequests, text_of
from ..conversations.text_stream import TextStream
from ..route import Model, Route, collect, route
from ..schemas.messages import CONTENT
from ..sse import Streams

TAG = "Turns"
Session = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class NewTurn(Model):
    """A message to the agent."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=CONTENT)]
    session_id: Session | None = Field(
        None, description="any text; the turns of a session run in order. Without it, nothing is remembered"
    )


class Reply(Model):
    """The agent's answer."""

    reply: str


class Reset(Model):
    """The session to reset."""

    session_id: Session


class ResetResult(Model):
    """Whether the session existed."""

    reset: bool


REFUSALS = {
    404: "there is no such agent",
    409: "it does not accept chat messages, is busy and drops messages, or the turn was cancelled",
    502: "the turn failed permanently",
    504: "the turn took too long",
}


class Dialog:
    """The routes of dialogs."""

    def __init__(self, requests: AgentRequests, streams: Streams) -> None:
        self._requests = requests
        self._streams = streams

    def routes(self) -> list[Route]:
        """Return the routes, each also at the root."""
        return collect(self, tag=TAG, parameters={"agent": "the agent's name"})

    @route(
        "POST",
        "/dialog/{agent}/turn",
        aliases=("/dialog/{agent}/turn",),
        scope="chat:write",
        user="own",
        summary="Run one turn",
        body=NewTurn,
        returns=Reply,
        repeated="handler",
        refusals=REFUSALS,
    )
    async def turn(self, call: RequestContext) -> web.Response:
        """Run a turn and return its complete answer."""
        new: NewTurn = call.body
        agent, thread = await self._place(call, new)
        async with self._requests.say(call, thread, new.text, agent) as posted:
            answer = await self._requests.answer(posted)
        if answer.status == "cancelled":
            # The reply has no status field, and a partial answer must not be taken for a complete one.
            more = {"turn": answer.turn, "reply": text_of(answer)}
            raise Problem(409, "the turn was cancelled", code="turn-cancelled", more=more)
        return call.answer(Reply(reply=text_of(answer)))

    @route(
        "POST",
        "/dialog/{agent}/stream",
        aliases=("/dialog/{agent}/stream",),
        scope="chat:write",
        user="own",
        summary="Run one turn and stream the text",
        description="The text as it is written. If the connection is cut, the text is incomplete.",
        body=NewTurn,
        streams="text/plain",
        repeated="handler",
        refusals=REFUSALS,
    )
    async def stream(self, call: RequestContext) -> web.StreamResponse:
        """Run a turn and stream its text."""
        new: NewTurn = call.body
        agent, thread = await self._place(call, new)
        async with (
            self._requests.say(call, thread, new.text, agent) as posted,
            self._requests.text(posted) as answer,
        ):
            kind = "text/plain; charset=utf-8"
            return await self._streams.relay(call.request, _encoded(answer), kind=kind, beat=b"", last=lambda why: None)

    @route(
        "POST",
        "/dialog/{agent}/reset",
        aliases=("/dialog/{agent}/reset",),
        scope="chat:write",
        user="own",
        summary="Reset a session",
        body=Reset,
        returns=ResetResult,
    )
    async def reset(self, call: RequestContext) -> web.Response:
        """Delete the session's chat and cancel its turn."""
        reset: Reset = call.body
        chats, workspace = self._requests.chats, call.caller.workspace
        id = session_id(call.path["agent"], reset.session_id, call.caller.user)
        return call.answer(ResetResult(reset=await chats.purge(workspace, id)))

    async def _place(self, call: RequestContext, new: NewTurn) -> tuple[AgentInfo, str]:
        agent = await self._requests.agents.get(call.caller, call.path["agent"])
        if new.session_id is None:
            return agent, self._requests.once(call)
        return agent, await self._requests.session(call, agent.name, new.session_id)


async def _encoded(answer: TextStream) -> AsyncGenerator[bytes, None]:
    async for text in answer.pieces:
        yield text.encode()
    if answer.end is not None and answer.end.status == "cancelled":
        # Plain text has no other way to signal that it is incomplete.
        raise Problem(409, "the turn was cancelled", code="turn-cancelled")
