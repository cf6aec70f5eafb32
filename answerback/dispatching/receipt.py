"""What `dispatch` returns: the receipt of an event, and the answer to it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Literal

from answerback.dispatching.background import BackgroundLoop, refuse_in_event_loop, waited, waited_sync


@dataclass(frozen=True, kw_only=True)
class Answer:
    """How a dispatched event was answered.

    Attributes:
        status: completed · cancelled · dropped (the agent accepts nothing while it works) · ignored · failed (for good:
            the event is a dead letter, and an operator can replay it).
        turn: The id of the turn.
        messages: The agent's messages, in order.
        output: The structured output of an agent with an `output` type, as plain data; else None.
        code: Of a failed turn: "agent_failed", "invalid_input", "timeout", "limit" or "unreachable".
        reason: Why no agent answers; of a failed turn why it failed, in general words: the dead letter has the details.
    """

    status: Literal["completed", "cancelled", "dropped", "ignored", "failed"]
    turn: str
    messages: tuple[str, ...] = ()
    output: Any = None
    code: str = ""
    reason: str = ""

    @property
    def text(self) -> str:
        """All messages as one text."""
        return "\n\n".join(self.messages)


@dataclass(frozen=True, kw_only=True)
class DispatchReceipt:
    """The receipt of a dispatched event: it is stored, and will be answered.

    Attributes:
        dispatch_id: The id of the event and of the turn that answers it, as in logs, dead letters and the API.
        thread: The id of its thread in the chat API.
        status: "accepted", or "duplicate" if an event with this delivery id was stored before.
    """

    dispatch_id: str
    thread: str
    status: Literal["accepted", "duplicate"]
    # The rest is how to ask for the answer.
    _loop: BackgroundLoop = field(repr=False, compare=False)
    _answer: Callable[[float], Coroutine[Any, Any, Answer]] = field(repr=False, compare=False)

    async def reply(self, timeout: float = 120) -> Answer:
        """Wait for the answer, also while Answerback cannot be reached for a moment.

        Raises `TimeoutError` after `timeout` seconds; the event is answered all the same.
        """
        return await waited(self._loop.run(lambda: self._answer(timeout)))

    def reply_sync(self, timeout: float = 120) -> Answer:
        """Wait for the answer, as `reply` does, without an event loop."""
        refuse_in_event_loop("reply_sync", "receipt.reply(…)")
        return waited_sync(self._loop.run(lambda: self._answer(timeout)))
