"""`play`: a thread in memory for a test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from answerback.agents.agent import Agent
from answerback.agents.limits import STANDARD, TurnLimits
from answerback.agents.loading import load
from answerback.agents.memory.thread import MemoryThread
from answerback.codec import encode
from answerback.messages import Identity, Message
from answerback.platforms import Client
from answerback.platforms.registry import PLATFORMS
from answerback.settings import Settings
from answerback.testing.clock import MovableClock

if TYPE_CHECKING:
    from pydantic_ai.models import Model

CREDENTIALS = {
    "GITHUB_TOKEN": "ghp_test",
    "SLACK_BOT_TOKEN": "xoxb-test",
    "STANDARD_WEBHOOKS_REPLY_URL": "https://replies.example.com",
    "STANDARD_WEBHOOKS_SECRET": "whsec_dGVzdC10ZXN0LXRlc3QtdGVzdC10ZXN0",
}
"""With these, each platform splits replies as it does in production. Nothing is sent."""
NAMES = ("answerbot", "u0answerbt", "u0answerbot")
"""Whom the packaged deliveries and the stand-ins mention: a login of GitHub, user ids of Slack."""


class PlayedThread(MemoryThread):
    """A thread that a test plays: see `MemoryThread`."""

    clock: MovableClock


@asynccontextmanager
async def play(
    agents: Agent | Sequence[Agent] | str,
    *,
    model: Model | None = None,
    clock: MovableClock | None = None,
    mentions: Sequence[str] = NAMES,
    attempts: int = 5,
    timeout: float = 30.0,
    limits: TurnLimits = STANDARD,
    history: Sequence[Message] = (),
    state: Mapping[str, Any] | None = None,
    system: str = "",
) -> AsyncIterator[PlayedThread]:
    """Play one thread with an agent, without Redis, network or other processes.

    The agents are those of production, with a worker's semantics. Nothing waits: time passes when the test moves the
    thread's clock, or when an agent debounces.

    Args:
        agents: An agent, several that listen side by side, or "module:name" as in `ANSWERBACK_AGENTS`.
        model: A language model that runs instead of each agent's own: `answers`, `recorded`, or pydantic-ai's
            `TestModel` and `FunctionModel`.
        clock: The clock; by default one that begins at a fixed time.
        mentions: Names that address the agents in messages of platforms.
        attempts: Failed attempts after which a turn is a dead letter.
        timeout: Seconds that a turn may take, unless its agent says otherwise.
        limits: The limits of turns.
        history: Earlier messages of the thread.
        state: The agents' data from earlier turns.
        system: Extra instructions, as a chat's owner gives them.

    Example:
        async with play(agent, model=answers("Good morning.")) as thread:
            assert await thread.say("hello") == "Good morning."
            assert [message.role for message in thread.history] == ["user", "assistant"]
    """
    thread = PlayedThread(
        load(agents) if isinstance(agents, str) else agents,
        attempts=attempts,
        timeout=timeout,
        limits=limits,
        clients=_clients(),
        identities=dict.fromkeys(PLATFORMS, Identity(name="".join(mentions[:1]), mentions=tuple(mentions))),
        clock=clock or MovableClock(),
        history=history,
        state=encode(dict(state)) if state else b"",
        system=system,
        model=model,
    )
    async with thread:
        yield thread


@cache
def _clients() -> dict[str, Client]:
    settings = Settings.load(CREDENTIALS)
    clients = {name: platform.client(settings) for name, platform in PLATFORMS.items()}
    return {name: client for name, client in clients.items() if client is not None}
