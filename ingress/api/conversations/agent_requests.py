"""Asking an agent by its name: what the OpenAI-compatible routes, agents' messages and dialogs share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import blake2b
from typing import Any

from answerback.messages import Author, Event
from answerback.settings import Settings
from answerback.store.chats.answers import TurnAnswer
from answerback.store.chats.chat import NewChat
from answerback.store.fleet.agents import AgentInfo

from ...problems import Problem
from ..context import RequestContext
from ..leaving import Leaving
from .agent_registry import Agents
from .conversation import Conversation, PostedMessage
from .text_stream import TextStream, taken
from .turn_filter import End, RecordedEvents, retold
from .waits import current, raise_if_ended

ONCE = "once_"
"""What the id of a chat begins with that is opened for a single answer."""


class AgentRequests:
    """What is asked through one ingress process. An answer is waited for as long as a turn may take."""

    def __init__(self, settings: Settings, conversation: Conversation, agents: Agents) -> None:
        self.chats = conversation.chats
        self.agents = agents
        self._conversation = conversation
        self._leaving = Leaving(conversation.chats)
        self._seconds = settings.turn_timeout
        self._silence = settings.heartbeat

    async def once(self, call: RequestContext, agent: AgentInfo) -> str:
        """A chat for a single answer, which upkeep takes away. The same for a call that is made again."""
        opening = NewChat(agent=agent.name, ephemeral=True)
        id = f"{ONCE}{call.idempotency[:20]}"
        return (await self.chats.open(call.caller.workspace, id, opening, kept=call.again)).id

    async def session(self, call: RequestContext, agent: str, name: str) -> str:
        """The chat of a session with an agent ("": with whoever takes chats), opened by its first message."""
        opening = NewChat(agent=agent, metadata={"session": name})
        return (await self.chats.open(call.caller.workspace, session_id(agent, name), opening)).id

    @asynccontextmanager
    async def say(
        self, call: RequestContext, id: str, text: str, agent: AgentInfo | None, **fields: Any
    ) -> AsyncIterator[PostedMessage]:
        """Say something in a chat, to the agent or to whoever takes chats. `fields` are those of `Event`.

        Entering it raises what `Chats.say` does: then nothing is stored.
        """
        event = Event(
            delivery="",
            thread="",
            kind="message",
            text=text,
            message=f"m_{call.idempotency[:24]}",
            agent=agent.name if agent else "",
            # Who takes nothing while it works is asked for that here: its sender is told at once.
            arrival="drop" if agent and agent.arrival == "drop" else "",
            **{"author": Author(""), **fields},
        )
        if wait := current():
            wait.resumable = False  # nobody but this request brings the answer to whoever asked
        async with self._conversation.say(call.caller, id, event) as said:
            if not id.startswith(ONCE):
                yield said
                return
            async with self._leaving.watched(call, id, again=said.receipt.status == "duplicate"):
                yield said

    async def answer(self, said: PostedMessage) -> TurnAnswer:
        """How it was answered. Raises `Problem`: 409 where no agent took it, 502, 504."""
        found = await said.answer(self._seconds)
        if found is None:
            raise_if_ended()
            detail = f"there is no answer after {self._seconds:g} s: ask again with the same Idempotency-Key"
            raise Problem(504, detail, code="turn-timeout")
        taken(End(status=found.status))
        return found

    @asynccontextmanager
    async def words(self, said: PostedMessage) -> AsyncIterator[TextStream]:
        """The answer as it grows. Entering it raises what `answer` does, as far as that shows soon.

        What was asked before is answered when it is whole: its first telling may have begun anew.
        """
        if said.receipt.status == "duplicate":
            yield TextStream(RecordedEvents(retold(await self.answer(said), said.receipt.dispatch_id)))
            return
        async with said.deltas() as deltas:
            words = TextStream(deltas)
            await words.begin(self._silence)
            yield words


def text_of(answer: TurnAnswer) -> str:
    """What we said, as one text."""
    return "\n\n".join(message.text for message in answer.messages)


def session_id(agent: str, name: str) -> str:
    """The public id of the chat of a session: each agent has its own, whatever their names are made of."""
    return f"se_{blake2b(f'{agent} {name}'.encode(), digest_size=10).hexdigest()}"
