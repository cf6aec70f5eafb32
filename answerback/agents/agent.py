"""What an agent is: its name, what it listens to, how it thinks."""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import msgspec

from answerback.agents.declaration import check_function, check_platform, check_positive, check_tools, check_words
from answerback.agents.journal import Limits
from answerback.agents.turn import Turn
from answerback.errors import ConfigurationError
from answerback.messages import Arrival, Event

if TYPE_CHECKING:
    from pydantic import SecretStr
    from pydantic_ai.models import Model

    from answerback.diagrams.diagram import Sketch
    from answerback.flows import Flow

When = Literal["mention", "direct", "answered", "every"]
Think = Callable[[Turn], Awaitable[str | None]]
Speak = Callable[[Turn], AsyncIterator[str]]
ARRIVALS: tuple[Arrival, ...] = ("queue", "merge", "debounce", "interrupt", "drop")


class Listen(msgspec.Struct, frozen=True):
    """Which events reach an agent. `platform` and `channel` are patterns: "github", "acme/*", "C024*".

    when  any of: "mention" (we are named), "direct" (a conversation of two, or a message sent to us),
          "answered" (a thread it already answered in), "every" (all messages there)
    bots  whether "direct" and "answered" also hold for what the platform says a program wrote. Without, a program is
          answered where it mentions us, and by "every"
    """

    platform: str = "*"
    channel: str = "*"
    when: tuple[When, ...] = ("mention", "direct", "answered")
    bots: bool = False

    def __post_init__(self) -> None:
        """Raise `ConfigurationError` for a platform that does not exist, or a word that `when` does not know."""
        check_platform(self.platform)
        check_words("Listen(when=…)", self.when, When)

    def covers(self, event: Event) -> bool:
        """Whether the event happened where we listen."""
        return (self.platform == "*" or fnmatchcase(event.platform, self.platform)) and (
            self.channel == "*" or fnmatchcase(event.channel.lower(), self.channel.lower())
        )

    def hears(self, event: Event, *, mentioned: bool, answered: bool) -> bool:
        """Whether the event is one to answer."""
        # Programs that answer whatever is said where they were mentioned once would answer each other for ever.
        unasked = self.bots or event.author.kind != "bot"
        return self.covers(event) and (
            "every" in self.when
            or (mentioned and "mention" in self.when)
            or (event.direct and unasked and "direct" in self.when)
            or (answered and unasked and "answered" in self.when)
        )

    def __str__(self) -> str:
        return f"{self.platform} {self.channel}: {', '.join(self.when)}"


ADDRESSED = Listen()
"""What is said to us, anywhere: the default."""


class Agent:
    """Something that answers. Give it a function, a language model, a dialog flow, or a remote agent's address.

    A function takes a `Turn` and returns its reply (or None after `turn.reply`):

        async def shout(turn: Turn) -> str:
            return turn.text.upper()

        agents = Agent("shout", shout)

    One that yields its reply in pieces is shown as it speaks to those who follow the thread.
    A model is named as pydantic-ai names it, and may have tools:

        agents = Agent("triage", model="anthropic:claude-haiku-4-5", instructions="…", tools=[search])

    A flow decides the way of a conversation; its model, if it needs one, understands and phrases:

        agents = Agent("kyc", flow="kyc.json", model="anthropic:claude-haiku-4-5")

    A remote agent serves `POST {remote}/agents/chat/{sessionId}`, and is asked there:

        agents = Agent("weather", remote="https://weather.example.com", bearer_token=os.environ["WEATHER_TOKEN"])

    arrival   what becomes of messages that arrive while it works:
                  "queue"      one turn each, in order
                  "merge"      all that wait are answered by one turn
                  "debounce"   as merge, once nothing more has come for `quiet` seconds
                  "interrupt"  the turn is stopped, and begins again with everything
                  "drop"       they are refused: their sender is told, and the agent never sees them
    listen    which events reach it; the first agent in your list that hears an event answers it
    messages, tokens   how much history it is given at most (tokens are estimated at 4 characters each); a conversation
                       that its sender tells, as OpenAI's clients do, it is given whole
    timeout   seconds a turn may take; None: TURN_TIMEOUT_SECONDS
    lifecycle   a word for those who list agents, which changes nothing here
    chat    whether the chat API reaches it; without, it answers on platforms alone
    max_tokens   tokens that a turn's model requests and answers may use together; None: TURN_MAX_TOKENS
    public  tools whose arguments and results a page's visitor may read, by name; True: all of them. (`@public`
            says it of one tool.) Of all others a visitor is told the name
    """

    def __init__(
        self,
        name: str,
        think: Think | Speak | None = None,
        *,
        description: str = "",
        listen: Listen | Sequence[Listen] = ADDRESSED,
        model: str | Model | None = None,
        flow: str | Path | Flow | None = None,
        instructions: str | Callable[[Turn], str] = "",
        tools: Sequence[Any] = (),
        messages: int = 100,
        tokens: int | None = None,
        timeout: float | None = None,
        arrival: Arrival = "queue",
        quiet: float = 1.0,
        max_tokens: int | None = None,
        remote: str | None = None,
        bearer_token: str | SecretStr | None = None,
        lifecycle: str = "long-lived",
        chat: bool = True,
        public: bool | Sequence[str] = False,
    ) -> None:
        if not name or not all(c.isalnum() or c in "-_." for c in name):
            raise ConfigurationError(f"an agent's name is made of letters, digits, '-', '_' and '.', not {name!r}")
        if sum(way is not None for way in (think, model if flow is None else flow, remote)) != 1:
            raise ConfigurationError(
                f'agent "{name}" needs a function, a model, a flow or a remote address: one of them'
            )
        if flow is not None and instructions:
            raise ConfigurationError(f'agent "{name}": a flow has instructions of its own, its "system_prompt"')
        if think is not None:
            check_function(name, think)
            if tools or instructions:
                raise ConfigurationError(f'agent "{name}": tools and instructions are for a model; it has a function')
        check_tools(name, tools)
        check_positive(name, messages=messages, tokens=tokens, timeout=timeout, max_tokens=max_tokens)
        if arrival not in ARRIVALS:
            raise ConfigurationError(f'agent "{name}": arrival is one of {", ".join(ARRIVALS)}, not {arrival!r}')
        if remote is not None and not remote.startswith(("http://", "https://")):
            raise ConfigurationError(f'agent "{name}": a remote address begins with https://, not {remote!r}')
        if isinstance(public, str):
            raise ConfigurationError(f'agent "{name}": public is True, or a list of the names of tools, not {public!r}')
        if bearer_token is not None and remote is None:
            raise ConfigurationError(f'agent "{name}": a bearer token is for a remote agent')
        self.name = name
        self.description = description or (inspect.getdoc(think) or "").partition("\n")[0] if think else description
        self.listen: tuple[Listen, ...] = (listen,) if isinstance(listen, Listen) else tuple(listen)
        if not all(isinstance(one, Listen) for one in self.listen):
            raise ConfigurationError(f'agent "{name}": listen is a Listen(…) or a list of them, not {listen!r}')
        self.messages = messages
        self.tokens = tokens
        self.timeout = timeout
        self.arrival = arrival
        self.quiet = quiet
        self.flow = flow
        self._think: Think | None = _spoken(think)
        self.max_tokens = max_tokens
        self.lifecycle = lifecycle
        self.chat = chat
        self.workspace = ""
        """The workspace that it is registered with; "" for one in code, which all of them reach."""
        self.sketch: Sketch | None = None
        """What is drawn of the flow that it follows; None without one, and before it is prepared."""
        self._remote = remote
        self._bearer_token = _secret(name, bearer_token)
        self._model = model
        self._instructions = instructions
        self._tools = tuple(tools)
        self._public = public if isinstance(public, bool) else frozenset(public)

    def __repr__(self) -> str:
        return f"Agent({self.name!r})"

    def covers(self, event: Event) -> bool:
        """Whether it listens where this happened, even if this is not for it to answer."""
        return self._reached(event) and any(listen.covers(event) for listen in self.listen)

    def hears(self, event: Event, *, mentioned: bool, answered: bool) -> bool:
        """Whether this is for it to answer."""
        return self._reached(event) and any(
            listen.hears(event, mentioned=mentioned, answered=answered) for listen in self.listen
        )

    def _reached(self, event: Event) -> bool:
        return self.chat or event.platform != "chat"

    def prepare(self) -> None:
        """Get ready before the first turn. Raises `ConfigurationError` for a model or a flow that cannot work."""
        if self._think is None and self.flow is not None:
            from answerback.flows import load
            from answerback.flows.agent import follow
            from answerback.flows.draw import sketch

            flow = load(self.flow)
            self.sketch = sketch(flow)
            self._think = follow(self.name, flow, self._model, self._tools, self._public)
        elif self._think is None and self._remote is not None:
            from answerback.agents.remote import ask

            self._think = ask(self.name, self._remote, bearer_token=self._bearer_token)
        elif self._think is None:
            # pydantic-ai takes a second to import: only those who use it pay.
            from answerback.agents.llm.model import converse

            assert self._model is not None
            self._think = converse(self.name, self._model, self._instructions, self._tools, self._public)

    def limited(self, limits: Limits) -> Limits:
        """What its turns may use, where `limits` holds for all agents."""
        return limits if self.max_tokens is None else msgspec.structs.replace(limits, tokens=self.max_tokens)

    async def think(self, turn: Turn) -> str | None:
        """Run it. Returns the turn's last reply, if there is one."""
        self.prepare()
        assert self._think is not None
        return await self._think(turn)


def _secret(name: str, token: str | SecretStr | None) -> SecretStr | None:
    """A bearer token, so that nothing shows it."""
    if token is None:
        return None
    from pydantic import SecretStr

    from answerback.http.untrusted import BEARER

    found = token if isinstance(token, SecretStr) else SecretStr(token)
    if not re.fullmatch(BEARER, found.get_secret_value()):
        raise ConfigurationError(f'agent "{name}": its bearer token is empty, or has characters that no such token has')
    return found


def _spoken(think: Think | Speak | None) -> Think | None:
    """An agent's function as one that returns its reply."""
    if think is None or not inspect.isasyncgenfunction(inspect.unwrap(think)):
        return cast("Think | None", think)
    speak = cast("Speak", think)

    async def whole(turn: Turn) -> str:
        chunks: list[str] = []
        async for chunk in speak(turn):
            turn.write(chunk)
            chunks.append(chunk)
        return "".join(chunks)

    return whole
