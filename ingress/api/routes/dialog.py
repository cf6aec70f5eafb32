"""`/dialog/{agent}`: one turn with an agent, whole or in pieces; in a session, or remembered nowhere."""

from __future__ import annotations

from typing import Annotated, Any

from aiohttp import web
from pydantic import Field, StringConstraints

from answerback.store.fleet.agents import AgentInfo

from ...problems import Problem
from ..context import RequestContext
from ..conversations.agent_requests import AgentRequests, session_id, text_of
from ..conversations.text_stream import TextStream
from ..route import BASE, Model, Route
from ..schemas.messages import CONTENT
from ..sse import Streams

TAG = "Turns"
Session = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class NewTurn(Model):
    """What is said."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=CONTENT)]
    session_id: Session | None = Field(
        None, description="any text: turns of one session come one after the other; unset: nothing is remembered"
    )


class Reply(Model):
    """What is answered."""

    reply: str


class Reset(Model):
    """Which session."""

    session_id: Session


class ResetResult(Model):
    """Whether there was anything to forget."""

    reset: bool


class Dialog:
    """Turns by themselves."""

    def __init__(self, asking: AgentRequests, streams: Streams) -> None:
        self._asking = asking
        self._streams = streams

    def routes(self) -> list[Route]:
        """All of them, each at the root too."""
        common: dict[str, Any] = {
            "method": "POST",
            "scope": "chat:write",
            "tag": TAG,
            "names": {"agent": "the agent's name"},
        }
        refusals = {
            404: "there is no such agent",
            409: "it cannot be talked to, is busy and drops messages, or the turn was cancelled",
            502: "answering failed for good",
            504: "answering took too long",
        }
        return [
            Route(
                **_paths("turn"), handler=self.turn, summary="One turn", body=NewTurn, answer=Reply,
                repeated="handler", refusals=refusals, **common,
            ),
            Route(
                **_paths("stream"), handler=self.stream, summary="One turn, in pieces", body=NewTurn,
                streams="text/plain", repeated="handler", refusals=refusals, **common,
                description="The text as it comes. A connection that is cut has not brought all of it.",
            ),
            Route(
                **_paths("reset"), handler=self.reset, summary="Forget a session",
                body=Reset, answer=ResetResult, **common,
            ),
        ]  # fmt: skip

    async def turn(self, call: RequestContext) -> web.Response:
        """The answer, when it is whole."""
        new: NewTurn = call.body
        agent, thread = await self._place(call, new)
        async with self._asking.say(call, thread, new.text, agent) as said:
            answer = await self._asking.answer(said)
        if answer.status == "cancelled":
            # The reply has no room for it, and half of one must not be taken for all of it.
            more = {"turn": answer.turn, "reply": text_of(answer)}
            raise Problem(409, "the turn was cancelled", code="turn-cancelled", more=more)
        return call.answer(Reply(reply=text_of(answer)))

    async def stream(self, call: RequestContext) -> web.StreamResponse:
        """The answer as it grows."""
        new: NewTurn = call.body
        agent, thread = await self._place(call, new)
        async with (
            self._asking.say(call, thread, new.text, agent) as said,
            self._asking.words(said) as words,
        ):
            kind = "text/plain; charset=utf-8"
            return await self._streams.relay(call.request, _Encoded(words), kind=kind, beat=b"", last=lambda why: None)

    async def reset(self, call: RequestContext) -> web.Response:
        """Take the session's chat away, and end what runs there."""
        wanted: Reset = call.body
        chats, workspace = self._asking.chats, call.caller.workspace
        id = session_id(call.path["agent"], wanted.session_id)
        return call.answer(ResetResult(reset=await chats.purge(workspace, id)))

    async def _place(self, call: RequestContext, new: NewTurn) -> tuple[AgentInfo, str]:
        agent = await self._asking.agents.get(call.caller, call.path["agent"])
        if new.session_id is None:
            return agent, await self._asking.once(call, agent)
        return agent, await self._asking.session(call, agent.name, new.session_id)


class _Encoded:
    def __init__(self, words: TextStream) -> None:
        self._words = words

    def __aiter__(self) -> _Encoded:
        return self

    async def __anext__(self) -> bytes:
        try:
            return (await anext(self._words)).encode()
        except StopAsyncIteration:
            if self._words.end is not None and self._words.end.status == "cancelled":
                # A plain text has no other way to say that it is not whole.
                raise Problem(409, "the turn was cancelled", code="turn-cancelled") from None
            raise


def _paths(what: str) -> dict[str, Any]:
    path = f"/dialog/{{agent}}/{what}"
    return {"path": f"{BASE}{path}", "aliases": (path,)}
