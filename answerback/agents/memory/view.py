"""What is in a thread in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from answerback.agents.memory.records import Records
from answerback.agents.memory.runner import TurnRunner
from answerback.agents.memory.stream import StreamLog
from answerback.attention import Attention
from answerback.codec import decode_state
from answerback.events import Event
from answerback.messages import Message, TurnEnd
from answerback.replies import DeadLetter, Reply
from answerback.store.stream.events import StreamEvent, UnknownEvent


class ThreadView:
    """Reads what a thread has stored."""

    _records: Records
    _runner: TurnRunner
    _stream: StreamLog

    @property
    def history(self) -> list[Message]:
        """The committed messages, oldest first. Those of turns that failed for good have `failed`."""
        return list(self._records.history)

    @property
    def state(self) -> dict[str, Any]:
        """A copy of the agents' data, as of the last commit."""
        return decode_state(self._records.state) if self._records.state else {}

    @property
    def encoded_state(self) -> bytes:
        """The agents' data for another thread's `state`; b"" if there is none."""
        return self._records.state

    @property
    def agent(self) -> str:
        """The name of the agent that answered last; "" if none has."""
        return self._records.agent

    @property
    def attention(self) -> Attention:
        """How attentive agents are in it: "default", "subscribed" or "muted"."""
        return self._records.attention

    @property
    def replies(self) -> list[str]:
        """The texts of all committed replies, oldest first."""
        return [message.text for message in self._records.history if message.role == "assistant"]

    @property
    def outbox(self) -> list[Reply]:
        """The replies to a platform, oldest first; also those of a turn that has not ended."""
        return list(self._records.outbox.values())

    @property
    def waiting(self) -> list[Event]:
        """The events that are not handled yet, oldest first."""
        return [event for entry in self._records.inbox for event in entry.events]

    @property
    def steps(self) -> tuple[str, ...]:
        """Keys of the steps that the last attempt finished or found finished."""
        return self._runner.steps

    @property
    def turn_ends(self) -> list[TurnEnd]:
        """How turns ended, oldest first."""
        return list(self._records.turn_ends)

    @property
    def dead_letters(self) -> list[DeadLetter]:
        """The turns that failed for good, oldest first. Accepting one of their events again replays it."""
        return list(self._records.dead_letters.values())

    @property
    def stream(self) -> list[StreamEvent | UnknownEvent]:
        """All stream events, oldest first."""
        return list(self._stream.events)

    def follow(self, follower: Callable[[StreamEvent | UnknownEvent], None]) -> Callable[[], None]:
        """Call a function with each stream event from now on. Return a function that ends this.

        A language model is streamed only in turns that begin while someone follows.
        """
        self._stream.followers.append(follower)
        return lambda: self._stream.followers.remove(follower)
