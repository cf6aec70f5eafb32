"""Requests to an agent by name: shared by the OpenAI-compatible routes, agent messages and dialogs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from answerback.events import Event
from answerback.messages import Author
from answerback.settings import Settings
from answerback.store.chats.answers import TurnAnswer
from answerback.store.chats.sessions import open_session
from answerback.store.fleet.agents import AgentInfo

from ...problems import Problem
from ..context import RequestContext
from ..disconnects import Disconnects
from .agent_registry import Agents
from .conversation import Conversation, PostedMessage
from .text_stream import TextStream, refuse_unanswered
from .turn_filter import rebuilt_events, recorded_end, replayed
from .waits import current, raise_if_ended

ONCE = "once_"
"""The id prefix of a single-use chat."""


class AgentRequests:
    """Send messages to agents and wait for their answers, for as long as a turn may take."""

    def __init__(self, settings: Settings, conversation: Conversation, agents: Agents) -> None:
        self.chats = conversation.chats
        self.files_named = conversation.files_named
        self.agents = agents
        self._conversation = conversation
        self._disconnects = Disconnects(conversation.chats)
        self._seconds = settings.turn_timeout
        self._silence = settings.heartbeat

    def once(self, call: RequestContext) -> str:
        """Return the id of a single-use chat, which `say` opens, and maintenance deletes later.

        A repeated request gets the same one.
        """
        return f"{ONCE}{call.idempotency[:20]}"

    async def session(self, call: RequestContext, agent: str, name: str) -> str:
        """Return the chat of a session with an agent ("": the default chat agent), opened by its first message."""
        return (await open_session(self.chats, call.caller.workspace, agent, name, call.caller.user)).id

    @asynccontextmanager
    async def say(
        self, call: RequestContext, id: str, text: str, agent: AgentInfo | None, **fields: Any
    ) -> AsyncIterator[PostedMessage]:
        """Post a message in a chat, to the agent or to the default chat agent. `fields` are fields of `Event`.

        Entering raises what `Chats.say` raises; then nothing is stored.
        """
        event = Event(
            delivery="",
            thread="",
            kind="message",
            text=text,
            message=f"m_{call.idempotency[:24]}",
            agent=agent.name if agent else "",
            # Dropping is decided here for an agent with this arrival mode, so that the sender learns it at once.
            arrival="drop" if agent and agent.arrival == "drop" else "",
            **{"author": Author(""), **fields},
        )
        if wait := current():
            wait.resumable = False  # only this request can deliver the answer
        once = id.startswith(ONCE)
        async with self._conversation.say(call.caller, id, event, once=once, kept=call.repeatable_for) as posted:
            if not once:
                yield posted
                return
            async with self._disconnects.watch(call, id, retry=posted.receipt.status == "duplicate"):
                yield posted

    async def answer(self, posted: PostedMessage) -> TurnAnswer:
        """Wait for the answer. Raises `Problem`: 409 if no agent accepted the message, 502, 504."""
        answer = await posted.answer(self._seconds)
        if answer is None:
            raise_if_ended()
            detail = f"no answer within {self._seconds:g} s; repeat the request with the same Idempotency-Key"
            raise Problem(504, detail, code="turn-timeout")
        refuse_unanswered(answer.status, answer.reason)
        return answer

    @asynccontextmanager
    async def text(self, posted: PostedMessage) -> AsyncIterator[TextStream]:
        """Stream the text of the answer. Entering raises what `answer` raises, if that happens soon.

        A repeated request gets the answer when it is complete, because an earlier attempt may have streamed other text.
        """
        if posted.receipt.status == "duplicate":
            answer = await self.answer(posted)
            end = recorded_end(answer, posted.receipt.dispatch_id)
            async with TextStream(replayed(rebuilt_events(answer, end))).begun(self._silence) as stream:
                yield stream
            return
        async with posted.events() as events, TextStream(events).begun(self._silence) as stream:
            yield stream


def text_of(answer: TurnAnswer) -> str:
    """Return the messages of an answer as one text."""
    return "\n\n".join(message.text for message in answer.messages)
