"""`MemoryThread`: one thread in memory."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import msgspec

from answerback.agents.agent import Agent
from answerback.agents.limits import STANDARD, TurnLimits
from answerback.agents.memory.attempt import cancel
from answerback.agents.memory.changes import ThreadChanges
from answerback.agents.memory.clock import Clock
from answerback.agents.memory.killing import KillPoint, Moment
from answerback.agents.memory.outcomes import Outcomes
from answerback.agents.memory.records import Records
from answerback.agents.memory.runner import TurnRunner
from answerback.agents.memory.stream import StreamLog
from answerback.events import Arrival, Event
from answerback.messages import Attachment, Author, Identity, Message
from answerback.pressing import filled, pressed

if TYPE_CHECKING:
    from pydantic_ai.models import Model

    from answerback.platforms import Client

YOU = Author("you")


class MemoryThread(ThreadChanges):
    """One thread, kept in memory, whose turns run in this process.

    Its turns are a worker's: the same routing, history, limits, arrivals, journal, outcome and stream events. The
    next attempt of a turn waits only as long as the error demands, and nothing is sent: replies to a platform wait in
    `outbox`.

    Args:
        agents: The agents that may answer; messages of `say` are addressed to a single one.
        id: The thread's id. By default it is random, since the keys of idempotent steps derive from it.
        attempts: Failed attempts after which a turn fails for good. With 1, each exception does that.
        timeout: Seconds that a turn may take, unless its agent says otherwise.
        limits: The limits of its turns.
        clients: The platforms' clients by name: they split replies that are too long.
        identities: Our account on each platform, by its name.
        clock: The clock.
        history: What was committed earlier.
        state: The state of that time, as `encoded_state` returned it.
        agent: The name of the agent that answered last.
        system: Extra instructions for the agents.
        model: A language model that runs instead of each agent's own, such as pydantic-ai's `TestModel`.

    Example:
        thread = MemoryThread(Agent("kyc", flow="kyc.json"))
        print(await thread.say("hello"))
    """

    def __init__(
        self,
        agents: Agent | Sequence[Agent],
        *,
        id: str = "",
        attempts: int = 1,
        timeout: float = 300.0,
        limits: TurnLimits = STANDARD,
        clients: Mapping[str, Client] | None = None,
        identities: Mapping[str, Identity] | None = None,
        clock: Clock | None = None,
        history: Sequence[Message] = (),
        state: bytes = b"",
        agent: str = "",
        system: str = "",
        model: Model | None = None,
    ) -> None:
        self.agents = (agents,) if isinstance(agents, Agent) else tuple(agents)
        self.id = id or f"chat:default:{secrets.token_hex(8)}"
        self.clock = clock or Clock()
        self._records = Records(history, state, agent)
        self._stream = StreamLog()
        self._outcomes = Outcomes(self._records, self._stream, self.clock, attempts)
        self._runner = TurnRunner(
            self.agents,
            self._records,
            self._outcomes,
            self._stream,
            self.clock,
            attempts=attempts,
            timeout=timeout,
            limits=limits,
            clients=clients or {},
            identities=identities or {},
            system=system,
            model=model,
        )
        self._turns = asyncio.Lock()
        self._run = secrets.token_hex(8)
        """Tells the deliveries of this object from those of an earlier one of the same thread."""
        self._said = 0
        self._last: Event | None = None
        """The last event that was sent."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def say(
        self,
        text: str,
        *,
        author: Author = YOU,
        attachments: Sequence[Attachment] = (),
        arrival: Arrival = "",
        input: Any = None,
        delivery: str = "",
    ) -> str:
        """Send a message, and return the replies of the turn that answers it; "" if there are none.

        Messages that are sent at the same time arrive while the agent works: see `Agent(arrival=…)`.

        Args:
            text: The message.
            author: Who sends it.
            attachments: Its attachments.
            arrival: What to do if the agent is working; "" leaves that to the agent.
            input: Structured input for the agent, as `dispatch` takes it: plain JSON data.
            delivery: Its delivery id, to send the same message again; by default each is a new one.

        Raises:
            Killed: The turn has reached a kill point. `resume` runs the next attempt.
            Exception: Whatever the agent raised. Unless the turn failed for good, the message waits: `resume`.
        """
        self._said += 1
        event = Event(
            delivery=delivery or f"chat:{self._run}:{self._said}",
            thread=self.id,
            kind="message",
            text=text,
            author=author,
            message=f"{self._run}:{self._said}",
            direct=True,
            attachments=tuple(attachments),
            arrival=arrival,
            input_json=b"" if input is None else msgspec.json.encode(input),
            at=self.clock.now(),
            agent=self.agents[0].name if len(self.agents) == 1 else "",
        )
        return await self.send(event)

    async def send(self, event: Event) -> str:
        """Send an event, and return the replies of the turn that answers it. Raises what `say` raises."""
        if event.raw_body and not any(agent.raw for agent in self.agents):
            # As ingress does: a payload is kept only if an agent asks for it.
            event = msgspec.structs.replace(event, raw_body=b"")
        self._last = event
        if self._records.accept(event) not in ("duplicate", "ignored"):
            self._outcomes.errors.pop(event.id, None)
            self._runner.arrived(event)
        await self._run_while(lambda: any(each.id == event.id for each in self.waiting))
        return self._answer(event.id)

    async def press(self, label: str, option: str = "", *, author: Author = YOU) -> str:
        """Press a button of an agent's message, and return the replies of the turn that answers it.

        Two presses by the same person count as one if the first one led to no reply and they are within three seconds.

        Args:
            label: The button's label or name; for a menu its name.
            option: The label or value of the menu's option.
            author: Who presses it.

        Raises:
            ValueError: No message has such a button.
            Exception: What `say` raises.
        """
        return await self.send(self._placed(pressed(self._records.history, label, option), author))

    async def fill(self, values: Mapping[str, Any] = MappingProxyType({}), *, author: Author = YOU) -> str:
        """Send the form that was opened last, and return the replies of the turn that answers it.

        Args:
            values: What is entered, by the names of the fields; of the others, what they showed.
            author: Who sends it.

        Raises:
            ValueError: No form was opened, or it has no such field.
            Exception: What `say` raises.
        """
        return await self.send(self._placed(filled(self.outbox, values), author))

    def _placed(self, event: Event, author: Author) -> Event:
        """Return what a person has done in the thread as an event of it."""
        self._said += 1
        changes = {
            "author": author,
            "at": self.clock.now(),
            "agent": self.agents[0].name if len(self.agents) == 1 else "",
            "delivery": f"chat:{self._run}:{self._said}",
            "thread": self.id,
        }
        if (last := self._last) is not None and last.platform != "chat":
            where = {name: getattr(last, name) for name in ("thread", "channel", "address", "direct", "account")}
            changes |= {"agent": "", **where, "delivery": f"{last.platform}:{self._run}:{self._said}"}
        return msgspec.structs.replace(event, **changes)

    async def resume(self) -> str:
        """Run turns until no event waits, as another worker does after a crash, and return the replies of the last.

        Raises what `say` raises.
        """
        await self._run_while(lambda: bool(self._records.inbox))
        return self._answer(self._records.turn_ends[-1].events[-1]) if self._records.turn_ends else ""

    def cancel(self) -> bool:
        """Cancel the turn that runs; its messages so far are kept. Return whether one runs."""
        return self._runner.cancel()

    def kill_at(self, place: str, when: Moment = "after") -> None:
        """Kill the next attempt that gets to a place, as if its worker died there: `say` raises `Killed`.

        The killed attempt gets no further and sees no exception. What it had written stays, and `resume` or the next
        message continues from there.

        Args:
            place: "step:<name>" (a pattern; with "#2": the second of that name), "tool:<name>" or "model" (a call or
                a request of a language model), "reply" or "commit".
            when: "before" it takes effect, or "after". A step that is killed after its effect has left no result.

        Raises:
            ValueError: There is no such place.
        """
        self._runner.kill_points.append(KillPoint.parse(place, when))

    async def close(self) -> None:
        """End what is left of killed attempts."""
        while self._runner.killed:
            await cancel(self._runner.killed.pop())

    async def _run_while(self, wanted: Callable[[], bool]) -> None:
        async with self._turns:
            self._runner.working = True
            try:
                while wanted():
                    await self._runner.run_next()
            finally:
                self._runner.working = False

    def _answer(self, event: str) -> str:
        if event in self._outcomes.errors:
            raise self._outcomes.errors[event]
        turns = {end.turn for end in self._records.turn_ends if event in end.events}
        texts = [each.text for each in self._records.history if each.role == "assistant" and each.turn in turns]
        return "\n\n".join(texts)
