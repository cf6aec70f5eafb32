"""`/v1/agents`: list the agents and their state; register and remove remote agents."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web
from pydantic import Field

from answerback.events import Arrival
from answerback.store.fleet.agents import AgentDirectory, AgentInfo, AgentStats
from answerback.store.fleet.remote_agents import RemoteAgent, RemoteAgents

from ...problems import Problem
from ..context import RequestContext
from ..conversations.agent_registry import DEFAULT, TAG
from ..route import BASE, Model, Route, collect, route
from ..schemas.remote_agents import NewAgent, check


class AgentView(Model):
    """An agent and its current state."""

    id: str
    name: str
    description: str
    lifecycle: str
    supportsChat: bool
    arrival: Arrival = Field(description="what happens to messages that arrive while it works")
    url: str | None = Field(description="the URL of a registered remote agent; null for one in the workers' code")
    hasBearerToken: bool | None = Field(
        description="whether requests to it carry a bearer token; null for one in the workers' code"
    )
    inputSchema: dict[str, Any] | None = Field(description="the JSON schema of its structured input; null: any input")
    outputSchema: dict[str, Any] | None = Field(
        description="the JSON schema of its structured output; null: it has none"
    )
    workers: int = Field(description="workers that serve it now")
    turnsRunning: int
    latencyP50: float | None = Field(description="median duration of its recent turns, ms; null before the first")

    @classmethod
    def of(cls, info: AgentInfo, stats: AgentStats) -> AgentView:
        """Return the view of an agent in the directory."""
        return cls(
            id=info.name,
            name=info.name,
            description=info.description,
            lifecycle=info.lifecycle,
            supportsChat=info.chat,
            arrival=info.arrival,
            url=info.url or None,
            hasBearerToken=info.token if info.url else None,
            inputSchema=json.loads(info.input_schema) if info.input_schema else None,
            outputSchema=json.loads(info.output_schema) if info.output_schema else None,
            workers=stats.workers,
            turnsRunning=stats.turns,
            latencyP50=stats.p50,
        )


class AgentList(Model):
    """The agents of a workspace, by name."""

    agents: list[AgentView]


class AgentRoutes:
    """The routes of agents."""

    def __init__(self, directory: AgentDirectory, remotes: RemoteAgents, *, private: bool) -> None:
        self._directory = directory
        self._remotes = remotes
        self._private = private

    def routes(self) -> list[Route]:
        """Return the routes, each also at the root."""
        return collect(self, tag=TAG, parameters={"id": "the agent's name"})

    @route(
        "GET",
        "/agents",
        aliases=("/v1/agents",),
        scope="chat:read",
        summary="List the agents and their state",
        returns=AgentList,
    )
    async def list(self, call: RequestContext) -> web.Response:
        """Return the agents of the workspace."""
        agents = await self._directory.list(call.caller.workspace)
        return call.answer(AgentList(agents=[AgentView.of(info, stats) for info, stats in agents]))

    @route(
        "POST",
        "/agents",
        aliases=("/v1/agents",),
        scope="admin",
        summary="Register a remote agent",
        description="It is visible in this workspace only. It replaces a registered agent of the same name, "
        "including its bearer token: without `bearerToken`, it has none.",
        body=NewAgent,
        returns=AgentView,
        status=201,
        refusals={409: "an agent of that name is defined in the workers' code"},
    )
    async def register(self, call: RequestContext) -> web.Response:
        """Register a remote agent."""
        new: NewAgent = call.body
        info = await self._directory.get(call.caller.workspace, new.id)
        if new.id == DEFAULT or (info and not info.url):
            raise Problem(409, f'"{new.id}" is taken by an agent in the workers\' code', code="agent-exists")
        check(new, private=self._private)
        spec = new.runtimeSpec
        remote = RemoteAgent(
            name=new.id,
            url=new.url,
            description=new.description,
            lifecycle=spec.lifecycle,
            chat=spec.supportsChat,
            bearer_token=new.bearerToken.get_secret_value() if new.bearerToken else "",
        )
        await self._remotes.register(call.caller.workspace, remote)
        return call.answer(await self._view(call, new.id), 201, {"Location": f"{BASE}/agents/{new.id}"})

    @route(
        "GET",
        "/agents/{id}",
        aliases=("/v1/agents/{id}",),
        scope="chat:read",
        summary="Get an agent and its state",
        returns=AgentView,
    )
    async def get(self, call: RequestContext) -> web.Response:
        """Return one agent."""
        return call.answer(await self._view(call, call.path["id"]))

    @route(
        "DELETE",
        "/agents/{id}",
        aliases=("/v1/agents/{id}",),
        scope="admin",
        summary="Remove a registered agent",
        status=204,
        refusals={409: "it is defined in the workers' code"},
    )
    async def remove(self, call: RequestContext) -> web.Response:
        """Remove a registered agent."""
        name = call.path["id"]
        if not await self._remotes.remove(call.caller.workspace, name):
            if await self._directory.get(call.caller.workspace, name):
                raise Problem(409, f'"{name}" is defined in the workers\' code', code="agent-exists")
            raise Problem(404, f'there is no agent "{name}"', code="no-such-agent")
        return call.answer(None)

    async def _view(self, call: RequestContext, name: str) -> AgentView:
        for info, stats in await self._directory.list(call.caller.workspace):
            if info.name == name:
                return AgentView.of(info, stats)
        raise Problem(404, f'there is no agent "{name}"', code="no-such-agent")
