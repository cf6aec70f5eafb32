"""The individual checks of `answerback check`."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator

from answerback.errors import AnswerbackError, ConfigurationError
from answerback.platforms.registry import PLATFORMS
from answerback.settings import INVALID, Settings

from .account_findings import Needs
from .finding import Finding, split_problem
from .platform_findings import credentials, secrets
from .redis_findings import redis_findings

IMPORT_WITHIN = 60.0
"""Seconds allowed for importing the agents."""

# What a worker does with ANSWERBACK_AGENTS before it claims its first thread.
_IMPORT = """
import json, sys
from answerback.agents.hiding import hidden_agents
from answerback.agents.loading import load
from answerback.agents.needs import features_of
from answerback.errors import ConfigurationError
from answerback.platforms.registry import PLATFORMS
try:
    agents = load(sys.argv[1])
    for agent in agents:
        agent.prepare()
except ConfigurationError as error:
    sys.exit(str(error))
names = ", ".join(agent.name for agent in agents)
needs = {name: sorted(features_of(agents, name)) for name in PLATFORMS}
print("\\nagents:", json.dumps([names, hidden_agents(agents, sys.argv[2:]), needs]))
"""


async def findings(*, offline: bool) -> AsyncIterator[Finding]:
    """Yield all findings; invalid settings end the checks."""
    try:
        settings = Settings.load()
    except ConfigurationError as error:
        for line in str(error).removeprefix(INVALID).splitlines():
            yield Finding("error", "settings", line.strip())
        return
    yield Finding("ok", "settings", "every variable is valid")
    for finding in secrets(settings):
        yield finding
    agent_findings, needs = await asyncio.to_thread(_agents, settings)
    for finding in agent_findings:
        yield finding
    usable = True
    async for finding in redis_findings(settings):
        usable = usable and finding.level != "error"
        yield finding
    if usable:
        async for finding in _access(settings):
            yield finding
    async for finding in credentials(settings, needs, offline=offline, usable=usable):
        yield finding


def _agents(settings: Settings) -> tuple[list[Finding], Needs]:
    """Return what there is to say of the agents, and what they need on each platform, if that is known."""
    if settings.agents is None:
        return [Finding("ok", "agents", "the demo agent (ANSWERBACK_AGENTS is not set)")], {}
    platforms = [name for name in PLATFORMS if _replies_posted(name, settings)]
    try:
        # In a separate process: importing a module may have side effects, hang or crash.
        done = subprocess.run(
            [sys.executable, "-P", "-c", _IMPORT, settings.agents, *platforms],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=IMPORT_WITHIN,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return [Finding("error", "agents", f"importing {settings.agents} takes longer than {IMPORT_WITHIN:g} s")], {}
    # Agents may print, too.
    output = [line for line in done.stdout.splitlines() if line.startswith("agents: ")]
    if done.returncode == 0 and output:
        names, warnings, needs = json.loads(output[-1].removeprefix("agents: "))
        found = [Finding("ok", "agents", names), *(Finding("warning", "agents", warning) for warning in warnings)]
        return found, {name: frozenset(features) for name, features in needs.items()}
    reason = (done.stderr.strip().splitlines() or [f"the import exited with status {done.returncode}"])[-1]
    advice = f"python -c 'import {settings.agents.partition(':')[0]}' shows where" if "Traceback" in done.stderr else ""
    return [Finding("error", "agents", reason, advice)], {}


def _replies_posted(platform: str, settings: Settings) -> bool:
    try:
        return PLATFORMS[platform].client(settings) is not None
    except ConfigurationError:
        return True  # reported by `credentials`


async def _access(settings: Settings) -> AsyncIterator[Finding]:
    from answerback.store.access.api_keys import ApiKeys
    from answerback.store.embedded import running
    from answerback.store.redis import Database

    from ..local.dev_key import kept

    development: str | None = None
    try:
        development = kept(settings.data)
    except ConfigurationError as error:
        yield Finding("error", "api", *split_problem(str(error)))
    url = settings.redis_url or running(settings.data)
    if url is None:
        if development is None:
            yield Finding("ok", "api", "`answerback up` creates a development API key")
        return
    try:
        database = Database(url)
    except (ValueError, ConfigurationError):
        return  # reported with Redis
    try:
        keys = ApiKeys(database)
        live = [key for key in await keys.list() if key.state == "live"]
        if development and not await keys.find(development):
            yield Finding(
                "warning", "api", "the development key is not valid in this store", "`answerback up` creates another"
            )
    except AnswerbackError:
        return
    finally:
        await database.close()
    if live:
        yield Finding("ok", "api", f"live API keys: {len(live)}")
    else:
        yield Finding("warning", "api", "no live API key: the API responds with 401", "answerback keys create")
