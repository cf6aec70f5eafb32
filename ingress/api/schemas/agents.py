"""Agents as the API shows them: what they declare, and how they are now."""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import Field

from answerback.events import Arrival
from answerback.store.fleet.agents import AgentInfo, AgentStats

from ..auth.audience import reason
from ..context import Principal
from ..route import Model
from .moments import Moment, optional_moment


class ReachabilityView(Model):
    """Whether a remote agent can be reached, as workers find out by probing it."""

    state: Literal["unknown", "reachable", "unreachable", "gone"] = Field(
        description="unknown: not probed yet; gone: its lease has ended"
    )
    checkedAt: Moment | None = Field(description="when it was last probed")
    lastSeen: Moment | None = Field(description="when it last responded")
    lastError: str | None = Field(description="why it could not be reached; in general words without the scope `admin`")

    @classmethod
    def of(cls, info: AgentInfo, stats: AgentStats, caller: Principal) -> ReachabilityView:
        """Return what the caller may see of it."""
        reachability = stats.reachability
        if reachability is None:
            state: Literal["unknown", "reachable", "unreachable", "gone"] = "gone" if info.gone else "unknown"
            return cls(state=state, checkedAt=None, lastSeen=None, lastError=None)
        return cls(
            state="gone" if info.gone else "reachable" if reachability.reachable else "unreachable",
            checkedAt=optional_moment(reachability.checked),
            lastSeen=optional_moment(reachability.seen),
            lastError=reason(caller, reachability.error, code="unreachable") or None,
        )


class AgentView(Model):
    """An agent and its current state."""

    id: str
    name: str
    description: str
    lifecycle: str
    supportsChat: bool = Field(description="whether it accepts chat messages, as declared")
    unavailable: str | None = Field(description="why chat is unavailable now; null if one can")
    arrival: Arrival = Field(description="what happens to messages that arrive while it works")
    url: str | None = Field(description="the URL of a registered remote agent; null for one in the workers' code")
    hasBearerToken: bool | None = Field(
        description="whether requests to it carry a bearer token; null for one in the workers' code"
    )
    inputSchema: dict[str, Any] | None = Field(description="the JSON schema of its structured input; null: any input")
    outputSchema: dict[str, Any] | None = Field(
        description="the JSON schema of its structured output; null: it has none"
    )
    reachability: ReachabilityView | None = Field(description="null for one in the workers' code")
    leaseExpiresAt: Moment | None = Field(description="when its registration ends unless it is renewed; null: never")
    workers: int = Field(description="workers that serve it now; 0 while a remote agent cannot be reached")
    turnsRunning: int
    latencyP50: float | None = Field(description="median duration of its recent turns, ms; null before the first")

    @classmethod
    def of(cls, info: AgentInfo, stats: AgentStats, caller: Principal) -> AgentView:
        """Return what the caller may see of an agent in the directory."""
        reachability = ReachabilityView.of(info, stats, caller) if info.url else None
        reachable = reachability is None or reachability.state == "reachable"
        return cls(
            id=info.name,
            name=info.name,
            description=info.description,
            lifecycle=info.lifecycle,
            supportsChat=info.chat,
            unavailable=_unavailable(info, stats, reachability) or None,
            arrival=info.arrival,
            url=info.url or None,
            hasBearerToken=info.token if info.url else None,
            inputSchema=json.loads(info.input_schema) if info.input_schema else None,
            outputSchema=json.loads(info.output_schema) if info.output_schema else None,
            reachability=reachability,
            leaseExpiresAt=optional_moment(info.expires),
            workers=stats.workers if reachable else 0,
            turnsRunning=stats.turns,
            latencyP50=stats.p50,
        )


class AgentList(Model):
    """The agents of a workspace, by name."""

    agents: list[AgentView]


def _unavailable(info: AgentInfo, stats: AgentStats, reachability: ReachabilityView | None) -> str:
    if not info.chat:
        return "chat is disabled"
    if info.lifecycle != "long-lived":
        return f"its lifecycle is {info.lifecycle}"
    if info.gone:
        return "its lease was not renewed"
    if not stats.workers:
        return "no live worker runs it"
    match reachability.state if reachability else "reachable":
        case "unknown":
            return "no worker has reached it yet"
        case "unreachable":
            return "it cannot be reached"
    return ""
