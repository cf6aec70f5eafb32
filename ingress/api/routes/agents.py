"""`/v1/agents`: list the agents and their state; register, renew and remove remote agents."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from answerback.store.fleet.agents import AgentDirectory
from answerback.store.fleet.remote_agents import NotItsOwner, RemoteAgent, RemoteAgentRefused, RemoteAgents

from ...problems import FieldError, Problem
from ..context import RequestContext
from ..conversations.agent_registry import DEFAULT, TAG, aliases
from ..route import BASE, Route, collect, route
from ..schemas.agents import AgentList, AgentView
from ..schemas.remote_agents import NewAgent, check

OWN = "A key without the scope `admin` can do so only for agents that were registered with it."


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
        aliases=aliases("/agents"),
        scope="chat:read",
        summary="List the agents and their state",
        returns=AgentList,
    )
    async def list(self, call: RequestContext) -> web.Response:
        """Return the agents of the workspace."""
        agents = await self._directory.list(call.caller.workspace)
        return call.answer(AgentList(agents=[AgentView.of(info, stats, call.caller) for info, stats in agents]))

    @route(
        "POST",
        "/agents",
        aliases=aliases("/agents"),
        scope="agents:register",
        summary="Register a remote agent",
        description="It is visible in this workspace only. It replaces a registered agent of the same name, "
        "including its bearer token: without `bearerToken`, it has none. A key without the scope `admin` can replace "
        "only agents that were registered with it, or are gone, and has to set `leaseSeconds`.",
        body=NewAgent,
        returns=AgentView,
        status=201,
        refusals={
            409: "an agent of that name is defined in the workers' code or was registered with another key, or the "
            "workspace has too many"
        },
    )
    async def register(self, call: RequestContext) -> web.Response:
        """Register a remote agent."""
        new: NewAgent = call.body
        info = await self._directory.get(call.caller.workspace, new.id)
        if new.id == DEFAULT or (info and not info.url):
            raise Problem(409, f'"{new.id}" is taken by an agent in the workers\' code', code="agent-exists")
        if new.leaseSeconds is None and _owner(call) is not None:
            place = FieldError(where="body", at="/leaseSeconds", detail="required for a key without the scope admin")
            raise Problem(422, "request body failed validation", code="invalid", errors=[place])
        check(new, private=self._private)
        spec = new.runtimeSpec
        remote = RemoteAgent(
            name=new.id,
            url=new.url,
            description=new.description,
            lifecycle=spec.lifecycle,
            chat=spec.supportsChat,
            bearer_token=new.bearerToken.get_secret_value() if new.bearerToken else "",
            owner=call.caller.key,
            lease=(new.leaseSeconds or 0) * 1000,
        )
        with _refusals():
            await self._remotes.register(call.caller.workspace, remote, by=_owner(call))
        return call.answer(await self._view(call, new.id), 201, {"Location": f"{BASE}/agents/{new.id}"})

    @route(
        "GET",
        "/agents/{id}",
        aliases=aliases("/agents/{id}"),
        scope="chat:read",
        summary="Get an agent and its state",
        returns=AgentView,
    )
    async def get(self, call: RequestContext) -> web.Response:
        """Return one agent."""
        return call.answer(await self._view(call, call.path["id"]))

    @route(
        "PUT",
        "/agents/{id}/lease",
        aliases=aliases("/agents/{id}/lease"),
        scope="agents:register",
        summary="Renew the lease of a registered agent",
        description=f"The lease then lasts `leaseSeconds` from now on; without a lease, nothing changes. {OWN}",
        returns=AgentView,
        refusals={404: "there is no such agent: register it again", 409: "it is defined in the workers' code"},
    )
    async def renew(self, call: RequestContext) -> web.Response:
        """Renew the lease of a registered agent."""
        name = call.path["id"]
        with _refusals():
            if not await self._remotes.renew(call.caller.workspace, name, by=_owner(call)):
                raise await self._not_registered(call, name)
        return call.answer(await self._view(call, name))

    @route(
        "DELETE",
        "/agents/{id}",
        aliases=aliases("/agents/{id}"),
        scope="agents:register",
        summary="Remove a registered agent",
        description=OWN,
        status=204,
        refusals={409: "it is defined in the workers' code or was registered with another key"},
    )
    async def remove(self, call: RequestContext) -> web.Response:
        """Remove a registered agent."""
        name = call.path["id"]
        with _refusals():
            if not await self._remotes.remove(call.caller.workspace, name, by=_owner(call)):
                raise await self._not_registered(call, name)
        return call.answer(None)

    async def _not_registered(self, call: RequestContext, name: str) -> Problem:
        if await self._directory.get(call.caller.workspace, name):
            return Problem(409, f'"{name}" is defined in the workers\' code', code="agent-exists")
        return Problem(404, f'there is no agent "{name}"', code="no-such-agent")

    async def _view(self, call: RequestContext, name: str) -> AgentView:
        for info, stats in await self._directory.list(call.caller.workspace):
            if info.name == name:
                return AgentView.of(info, stats, call.caller)
        raise Problem(404, f'there is no agent "{name}"', code="no-such-agent")


def _owner(call: RequestContext) -> str | None:
    """Return the key whose agents alone the caller may change; None for an operator, who may change all of them."""
    return None if call.caller.may("admin") else call.caller.key


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except NotItsOwner as error:
        raise Problem(409, str(error), code="agent-exists") from None
    except RemoteAgentRefused as error:
        raise Problem(409, str(error), code="too-many-agents") from None
