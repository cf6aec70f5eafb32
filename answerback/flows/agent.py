"""Run a flow as an agent."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

from answerback.agents.turn import Turn
from answerback.errors import ConfigurationError
from answerback.extras import missing
from answerback.flows.actions import acting
from answerback.flows.definition import Flow
from answerback.flows.engine import Walk
from answerback.flows.guards import models_part
from answerback.flows.linting import doubts
from answerback.flows.state import FlowState
from answerback.http.untrusted import UntrustedHttp
from answerback.log import get_logger
from answerback.settings import Settings

if TYPE_CHECKING:
    from pydantic_ai.models import Model

SHOWN = 8

log = get_logger(__name__)


def follow(
    name: str, flow: Flow, model: str | Model | None, tools: Sequence[Any], public: bool | Collection[str] = False
) -> Callable[[Turn], Awaitable[str | None]]:
    """Return an agent function that runs the flow. Raises `ConfigurationError` if the model it needs is missing."""
    for doubt in doubts(flow):
        log.warning("flow warning", agent=name, warning=str(doubt))
    outside = UntrustedHttp(private=Settings.load().allow_private_urls)
    guide = None
    if model is not None:
        # Importing pydantic-ai takes a second: a flow of guards and static texts does not need it.
        from answerback.flows.llm import FlowModel

        guide = FlowModel(name, flow, model, tools, outside, public)
    elif needs := models_part(flow):
        more = [f"and {len(needs) - SHOWN} more"] if len(needs) > SHOWN else []
        lines = "\n".join(f"  {one}" for one in [*needs[:SHOWN], *more])
        install = f", and {command}" if (command := missing("models")) else ""
        raise ConfigurationError(f'agent "{name}": its flow needs a model (model="provider:name"{install}):\n{lines}')

    async def think(turn: Turn) -> str | None:
        place = FlowState.of(turn.state, name)
        walk = Walk(
            flow,
            place,
            act=acting(turn, outside),
            model=guide.at(turn) if guide else None,
            show=turn.show,
            message=turn.text,
            user=turn.event.author.name or turn.event.author.id,
            at=turn.event.at or int(time.time() * 1000),
        )
        reply = await walk.run()
        place.save(turn.state, name)
        return reply or None

    return think
