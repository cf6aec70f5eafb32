"""Run a conversation with an agent in this process, without Redis and without storing anything."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import msgspec

from answerback.agents.agent import Agent
from answerback.agents.journal import Journal
from answerback.agents.turn import Turn
from answerback.events import Event
from answerback.flows.state import FlowState
from answerback.messages import Author, Message
from answerback.replies import Reply


class Simulator:
    """One thread. A failed turn leaves it unchanged and can be repeated."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.history: list[Message] = []
        self.steps: tuple[str, ...] = ()
        """The steps of the last turn."""
        self._state = b""
        self._number = 0

    @property
    def place(self) -> FlowState:
        """The conversation's state in the agent's flow."""
        return FlowState.of(_decode(self._state), self.agent.name)

    async def say(self, text: str) -> str:
        """Run one turn and return the agent's replies. Raises what the agent raises."""
        self._number += 1
        event = Event(
            delivery=f"rehearsal:{self._number}",
            thread="rehearsal:terminal",
            kind="message",
            text=text,
            author=Author("you"),
            direct=True,
            at=int(time.time() * 1000),
        )
        turn = self._open(event)
        reply = await self.agent.think(turn)
        if reply is not None:
            turn.conclude(reply)
        self.steps = turn.journal.done
        self._state = msgspec.msgpack.encode(turn.state)
        replies = [text for text, _ in turn.replies if text.strip()]
        self.history.append(Message(role="user", text=text, turn=turn.id, at=event.at))
        self.history += [Message(role="assistant", text=reply, turn=turn.id, at=event.at) for reply in replies]
        return "\n\n".join(replies)

    def _open(self, event: Event) -> Turn:
        async def write(name: str, record: bytes, replies: Sequence[Reply]) -> None:
            """Discard the records: they are needed only during the turn."""

        return Turn(
            agent=self.agent.name,
            events=[event],
            history=list(self.history),
            attempt=1,
            state=_decode(self._state),
            journal=Journal({}, write),
            compose=lambda turn, ordinal, text: (),
        )


def _decode(state: bytes) -> dict[str, Any]:
    # Encoded as in Redis, so that data that cannot be stored there fails here, too.
    return msgspec.msgpack.decode(state, type=dict[str, Any]) if state else {}
