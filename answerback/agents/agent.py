"""`Agent`: an agent's declaration."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from answerback.agents.commands import obey
from answerback.agents.declaration import (
    check_arrival,
    check_backfill,
    check_direct,
    check_edits,
    check_kind,
    check_model_options,
    check_name,
    check_positive,
    check_presence,
    check_public,
    check_remote,
    check_tools,
    checked_token,
)
from answerback.agents.function import Generate, Think, as_function, writes_in_pieces
from answerback.agents.knowledge.knowledge import SEARCH_KNOWLEDGE, Knowledge, Source
from answerback.agents.limits import TurnLimits
from answerback.agents.listen import ADDRESSED, Listen, checked_listen
from answerback.agents.overrides import Prepare
from answerback.agents.presence import Presence
from answerback.agents.turn import Turn
from answerback.agents.typed import Typed, check_types
from answerback.events import Arrival, Event

if TYPE_CHECKING:
    from pydantic import SecretStr
    from pydantic_ai.models import Model

    from answerback.diagrams.diagram import Sketch
    from answerback.flows import Flow

Edits = Literal["ignore", "tell", "again"]


class Agent:
    """An agent: a function, a language model, a dialog flow or a remote agent.

    A function takes a `Turn` and returns its reply (or None after `turn.reply`). An async generator yields its reply in
    pieces, which are streamed to the thread's followers. A model may use functions as tools. A flow controls the
    conversation; its model, if it needs one, only interprets and phrases. A remote agent serves
    `POST {remote}/agents/chat/{sessionId}`.

    Args:
        name: The name of the agent, made of letters, digits, "-", "_" and ".".
        think: An async function or an async generator function that takes a `Turn`.
        description: One line about it, for lists; by default the first line of the function's docstring.
        listen: Which events reach it. An event is answered by the first agent in your list that matches.
        model: A language model, named as in pydantic-ai, or one of its `Model` objects. For a flow: the model that it
            uses.
        flow: A dialog flow: a path, or a `Flow`.
        instructions: Instructions for the model: a text, or a function that takes the `Turn` and returns one.
        tools: What the model or the flow may call: functions, tuples (name, function, description, JSON schema), or
            pydantic-ai's `Tool`. See `idempotent` and `public`.
        prepare: For a model: a function, async or not, that takes the `Turn` and returns what is different in it: a
            dict with any of "model", "instructions" and "tools". It runs in each attempt.
        may_stay_silent: Whether a model may end a turn without a reply, with the tool `stay_silent`. A function does so
            by returning None.
        messages: How many messages of the history it is given at most.
        tokens: How many tokens the history may have (estimated at 4 characters each); None: no limit. A conversation
            that the sender supplies, as OpenAI's clients do, is passed on in full.
        timeout: Seconds that a turn may take; None: `TURN_TIMEOUT_SECONDS`.
        arrival: What happens to messages that arrive during a turn. "queue": one turn each, in order. "merge": all
            waiting messages are answered in one turn. "debounce": as "merge", after `quiet` seconds without a new
            message. "interrupt": the turn is stopped and starts again with all messages. "drop": they are refused;
            the sender is notified, and the agent never sees them.
        edits: What happens if a message is edited that it has answered. "ignore": nothing. "tell": the edit is an event
            of the thread, with the new text and `turn.event.edited == "text"`. "again": the message is answered again,
            with the new text and without its first answer in the history; that reply is a new one. A message that still
            waits is changed in any case.
        quiet: Seconds without a new message after which "debounce" answers.
        max_tokens: Input and output tokens that all model requests of a turn may use together; None:
            `TURN_MAX_TOKENS`.
        remote: The base URL of a remote agent.
        bearer_token: The token that a remote agent requires.
        lifecycle: A label shown in lists of agents; it has no effect here.
        chat: Whether the chat API can reach it; if False, it answers only on platforms. A chat that names no agent, and
            to which none listens, is answered by the first agent of your list with chat=True.
        commands: Whether people may write `@name mute`, `unmute`, `subscribe` or `unsubscribe` in a thread, which then
            does not reach the agent.
        public: Names of the tools whose arguments and results a page's visitors may read; True: all. Of all other tools
            a visitor sees only the name.
        input: The type of its structured input (a pydantic model, a dataclass, …): `turn.input` is an instance of it.
            An event with another input is refused by `dispatch` and the API, or its turn fails. Without structured
            input, the text is read as JSON. For a function or a model.
        output: The type of its structured output, which a function returns and a model is asked for. The reply is its
            JSON; `receipt.reply()` and the API also return it as data.
        raw: Whether events of the platforms that it listens to keep the platform's payload until their turn has
            committed: `turn.event.raw`, such as the labels of an issue. Payloads above 256 KB are not kept.
        presence: How people on a platform see that it is at work. "status": while it works, by Slack's status line or
            an 👀 reaction on GitHub. "outcome": on GitHub, 👀 is then exchanged for 🎉 or 😕. None: not at all. See
            `turn.progress`.
        direct: What a direct chat is, where people may begin threads in it, as in Slack. "thread": each message that is
            no reply begins a thread, and is answered there. "conversation": all of them are one thread, answered in the
            chat itself. It applies to all agents of the platforms that this agent listens to.
        backfill: How many earlier messages it is given at most if it is addressed in the middle of a thread: they are
            read from the platform, once, and become part of the thread's history. 0 or None: none.
        knowledge: What it may look up: a folder of .md and .txt files, a list of `Document`, or an async function that
            takes a query and a limit and returns documents. A function calls `turn.retrieve`; a model has a tool,
            `search_knowledge`. A folder is read when the worker starts.
        streaming: Whether people see its replies on their platform while it writes them. None: in Slack, if it is a
            model or an async generator. True: also on GitHub, and what a function shows with `turn.write`.

    Raises:
        ConfigurationError: The declaration cannot work; the message says what to change.

    Example:
        async def shout(turn: Turn) -> str:
            return turn.text.upper()


        agents = [
            Agent("shout", shout),
            Agent("triage", model="anthropic:claude-haiku-4-5", instructions="You triage issues.", tools=[search]),
            Agent("kyc", flow="kyc.json"),
            Agent("weather", remote="https://weather.example.com", bearer_token=os.environ["WEATHER_TOKEN"]),
        ]
    """

    def __init__(
        self,
        name: str,
        think: Think | Generate | None = None,
        *,
        description: str = "",
        listen: Listen | Sequence[Listen] = ADDRESSED,
        model: str | Model | None = None,
        flow: str | Path | Flow | None = None,
        instructions: str | Callable[[Turn], str] = "",
        tools: Sequence[Any] = (),
        prepare: Prepare | None = None,
        may_stay_silent: bool = False,
        messages: int = 100,
        tokens: int | None = None,
        timeout: float | None = None,
        arrival: Arrival = "queue",
        edits: Edits = "ignore",
        quiet: float = 1.0,
        max_tokens: int | None = None,
        remote: str | None = None,
        bearer_token: str | SecretStr | None = None,
        lifecycle: str = "long-lived",
        chat: bool = True,
        commands: bool = True,
        public: bool | Sequence[str] = False,
        input: Any = None,
        output: Any = None,
        raw: bool = False,
        presence: Presence | None = "status",
        direct: Literal["thread", "conversation"] = "thread",
        backfill: int | None = 50,
        knowledge: Source | None = None,
        streaming: bool | None = None,
    ) -> None:
        check_name(name)
        check_kind(name, think, model, flow, remote, instructions=instructions, tools=tools, knowledge=knowledge)
        check_model_options(name, model if flow is None else None, prepare, may_stay_silent)
        check_types(name, think, flow, remote, input, output)
        check_tools(name, tools)
        check_positive(name, messages=messages, tokens=tokens, timeout=timeout, max_tokens=max_tokens)
        check_arrival(name, arrival)
        check_edits(name, edits)
        check_presence(name, presence)
        check_direct(name, direct)
        check_backfill(name, backfill)
        check_remote(name, remote, bearer_token)
        check_public(name, public)
        self.name = name
        self.description = description or (inspect.getdoc(think) or "").partition("\n")[0] if think else description
        self.listen = checked_listen(name, listen)
        self.messages = messages
        self.tokens = tokens
        self.timeout = timeout
        self.arrival = arrival
        self.edits: Edits = edits
        self.quiet = quiet
        self.flow = flow
        self._think: Think | None = as_function(think) if think else None
        self.max_tokens = max_tokens
        self.lifecycle = lifecycle
        self.chat = chat
        self.commands = commands
        self.workspace = ""
        """The workspace that registered it; "" for an agent in code, which every workspace can reach."""
        self.sketch: Sketch | None = None
        """The drawing of its flow; None without a flow, and before `prepare`."""
        self.raw = raw
        self.presence = presence
        self.direct = direct
        self.backfill = backfill or 0
        self.typed = Typed(name, input, output)
        """The types of its input and output."""
        self._streaming = streaming
        self._in_pieces = output is None and (writes_in_pieces(think) or (model is not None and flow is None))
        self._remote = remote
        self._bearer_token = checked_token(name, bearer_token)
        self._model = model
        self._instructions = instructions
        self._tools = tuple(tools)
        self._prepare = prepare
        self._may_stay_silent = may_stay_silent
        self.knowledge = Knowledge(name, knowledge) if knowledge is not None else None
        """What it may look up."""
        self._public = public if isinstance(public, bool) else frozenset(public)

    def __repr__(self) -> str:
        return f"Agent({self.name!r})"

    def covers(self, event: Event) -> bool:
        """Return whether it listens on the event's platform and channel, even if it would not answer the event."""
        return self._may_reach(event) and any(listen.covers(event) for listen in self.listen)

    def hears(self, event: Event, *, mentioned: bool, answered: bool, subscribed: bool = False) -> bool:
        """Return whether it should answer the event."""
        if self._may_reach(event):
            for listen in self.listen:
                if listen.hears(event, mentioned=mentioned, answered=answered, subscribed=subscribed):
                    return True
        return False

    def listens_to_subscribed(self, event: Event) -> bool:
        """Return whether a subscription makes a difference where the event happened."""
        return any("subscribed" in listen.when and listen.covers(event) for listen in self.listen)

    def _may_reach(self, event: Event) -> bool:
        return self.chat or event.platform != "chat"

    def prepare(self) -> None:
        """Load the flow or the model before the first turn. Raises `ConfigurationError` for one that cannot work."""
        if self.knowledge is not None:
            self.knowledge.load()
        if self._think is None and self.flow is not None:
            from answerback.flows import load
            from answerback.flows.agent import follow
            from answerback.flows.draw import sketch

            flow = load(self.flow)
            self.sketch = sketch(flow)
            self._think = follow(self.name, flow, self._model, self._tools, self._public)
        elif self._think is None and self._remote is not None:
            from answerback.agents.remote import as_remote

            self._think = as_remote(self.name, self._remote, bearer_token=self._bearer_token)
        elif self._think is None:
            # Importing pydantic-ai takes a second: only agents with a model pay for it.
            from answerback.agents.llm.model import as_model

            assert self._model is not None
            self._think = as_model(
                self.name,
                self._model,
                self._instructions,
                self._tools,
                self._public,
                prepare=self._prepare,
                may_stay_silent=self._may_stay_silent,
                output=self.typed.output,
                searches=self.knowledge is not None,
            )

    def shows(self, *, default: bool) -> bool:
        """Return whether its replies are shown while they are written. `default`: on platforms made for it."""
        return default and self._in_pieces if self._streaming is None else self._streaming

    def limited(self, limits: TurnLimits) -> TurnLimits:
        """Return the limits of its turns: `limits`, with its own `max_tokens` if set."""
        return limits if self.max_tokens is None else msgspec.structs.replace(limits, tokens=self.max_tokens)

    async def think(self, turn: Turn) -> str | None:
        """Run a turn. Returns its last reply, or None."""
        if turn.command:
            return await obey(turn, turn.command)
        self.prepare()
        assert self._think is not None
        turn.knowledge = self.knowledge
        if self._public is True or (self._public and SEARCH_KNOWLEDGE in self._public):
            turn.public = {SEARCH_KNOWLEDGE}
        return await self.typed.run(turn, self._think)
