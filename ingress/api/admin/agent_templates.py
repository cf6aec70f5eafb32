"""`/api/v1/admin/agent-templates`: agents that `answerback up` starts on this machine, for development."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import aiohttp
import msgspec
from aiohttp import web
from pydantic import Field

from answerback.settings import Settings
from answerback.store.thread_ids import DEFAULT_WORKSPACE

from ...problems import Problem
from ..context import RequestContext
from ..route import Model, Route, collect, route
from .audit import audit

Agents = Sequence[Mapping[str, Any]]
"""What `up` responds with: the fields of each template."""

PATH = "/admin/agent-templates"
TIMEOUT = 30.0
"""Seconds that `up` has to respond: an agent that is stopped may take a while to end."""
ABOUT = (
    "The templates are the files `agents/*.json` in the folder where `answerback up` runs. Without it, in production, "
    "there are none. For keys of the workspace `default`."
)


class AgentTemplateView(Model):
    """An agent that can be started, and the state of its process."""

    id: str
    description: str
    lifecycle: str
    supportsChat: bool
    state: Literal["stopped", "starting", "running", "broken"] = Field(
        description="starting: it does not listen yet, or is about to be restarted; broken: its file is invalid"
    )
    detail: str = Field(description="what is wrong with it, or how its process ended; may be empty")


class AgentTemplateList(Model):
    """The agents that can be started, by id."""

    templates: list[AgentTemplateView]


class AgentTemplateRoutes:
    """The routes of agent templates. `up` reads the files and runs the processes; requests only name them."""

    def __init__(self, settings: Settings) -> None:
        self._control = settings.control

    def routes(self) -> list[Route]:
        """Return the routes."""
        return collect(self, tag="Dashboard", parameters={"id": "the id of the template"})

    @route(
        "GET",
        PATH,
        scope="admin",
        summary="List the agents that can be started",
        description=ABOUT,
        returns=AgentTemplateList,
    )
    async def list(self, call: RequestContext) -> web.Response:
        """Return the templates."""
        templates = await self._ask("GET", "/agents") if self._serves(call) else []
        return call.answer(_templates(templates))

    @route(
        "POST",
        f"{PATH}/{{id}}/start",
        scope="admin",
        summary="Start an agent",
        description=f"A long-lived agent is restarted when it ends, and registered while it runs. {ABOUT}",
        returns=AgentTemplateList,
        refusals={404: "there is no such template", 409: "it runs already, or cannot be started; `detail` says why"},
    )
    async def start(self, call: RequestContext) -> web.Response:
        """Start the agent of a template."""
        return await self._change(call, "start")

    @route(
        "POST",
        f"{PATH}/{{id}}/stop",
        scope="admin",
        summary="Stop an agent",
        description=ABOUT,
        returns=AgentTemplateList,
        refusals={404: "there is no such template", 409: "it does not run"},
    )
    async def stop(self, call: RequestContext) -> web.Response:
        """Stop the agent of a template."""
        return await self._change(call, "stop")

    async def _change(self, call: RequestContext, action: Literal["start", "stop"]) -> web.Response:
        id = call.path["id"]
        templates = await self._ask("GET", "/agents") if self._serves(call) else []
        # Only a name that `up` itself has listed becomes part of a path.
        if not any(template["id"] == id for template in templates):
            detail = f'there is no agent template "{id}"'
            raise Problem(404, detail if self._control else f"{detail}: only `answerback up` starts agents")
        changed = await self._ask("POST", f"/agents/{id}/{action}")
        audit(call, f"agents.{action}", agent=id)
        return call.answer(_templates(changed))

    def _serves(self, call: RequestContext) -> bool:
        # The files and the machine belong to the operator, not to any other workspace.
        return self._control is not None and call.caller.workspace == DEFAULT_WORKSPACE

    async def _ask(self, method: str, path: str) -> Agents:
        """Send a request to `up`. Raises `Problem`: what it refuses, or 503."""
        assert self._control is not None
        connector = aiohttp.UnixConnector(self._control)
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
                session.request(method, f"http://up{path}") as response,
            ):
                content = msgspec.json.decode(await response.read())
        except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError):
            raise Problem(503, "`answerback up` does not respond", retry_after=1) from None
        if response.status != 200:
            raise Problem(response.status, str(content["detail"]))
        agents: Agents = content
        return agents


def _templates(found: Agents) -> AgentTemplateList:
    return AgentTemplateList(
        templates=[
            AgentTemplateView(
                id=template["id"],
                description=template["description"],
                lifecycle=template["lifecycle"],
                supportsChat=template["chat"],
                state=template["state"],
                detail=template["detail"],
            )
            for template in found
        ]
    )
