"""Load the agents that a worker runs."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from answerback.agents.agent import Agent
from answerback.errors import ConfigurationError


def load(where: str | None) -> list[Agent]:
    """Return the agents at "module:name" (an Agent or a list of them), or the demo agent for None.

    The current folder is importable, as with `python -m`. Raises `ConfigurationError`. An exception that the
    module itself raises on import is passed through, so that its traceback is shown.
    """
    if where is None:
        from answerback.agents.demo import agent

        return [agent]
    module_name, _, name = where.partition(":")
    if not module_name or not name:
        raise ConfigurationError(f'ANSWERBACK_AGENTS must look like "module:name", not "{where}"')
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise ConfigurationError(
            f'ANSWERBACK_AGENTS: there is no module "{error.name}", neither in {os.getcwd()} nor installed'
        ) from None
    except SyntaxError as error:
        raise ConfigurationError(
            f"ANSWERBACK_AGENTS: {error.filename}, line {error.lineno}: {error.msg}\n    {(error.text or '').strip()}"
        ) from None
    try:
        value = getattr(module, name)
    except AttributeError:
        raise ConfigurationError(f'ANSWERBACK_AGENTS: module "{module_name}" has no "{name}"') from None
    agents = [value] if isinstance(value, Agent) else list(value) if isinstance(value, Sequence) else []
    if not agents or not all(isinstance(agent, Agent) for agent in agents):
        raise ConfigurationError(f"ANSWERBACK_AGENTS: {where} is neither an Agent nor a list of them")
    names = [agent.name for agent in agents]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ConfigurationError(f"ANSWERBACK_AGENTS: two agents are named {', '.join(sorted(twice))}")
    return agents
