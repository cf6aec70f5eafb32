"""The tools that an agent declares: functions, (name, function, description, JSON schema), or pydantic-ai's `Tool`.

Mistakes in them are named when a worker starts.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, get_origin

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match
from pydantic_ai import ModelRetry, RunContext, Tool
from pydantic_ai.agent import AbstractAgent
from pydantic_ai.exceptions import UserError
from pydantic_ai.toolsets import AbstractToolset

from answerback.agents.llm.tools import is_idempotent, is_public
from answerback.agents.llm.toolset import METADATA, OWN
from answerback.agents.turn import Turn
from answerback.errors import ConfigurationError

NAME = "[a-zA-Z0-9_-]{1,64}"
"""What providers accept as a tool's name: https://platform.openai.com/docs/api-reference/chat/create"""
SCHEMA_SHOWN = 200


def declared_tools(agent: str, tools: Iterable[Any]) -> list[Tool[Turn]]:
    """Return an agent's tools as pydantic-ai's. Raises `ConfigurationError` for one that cannot work."""
    declared = [_tool(agent, tool) for tool in tools]
    names: set[str] = set()
    for tool in declared:
        if tool.name in OWN:
            raise ConfigurationError(
                f'agent "{agent}": a tool must not be named "{tool.name}": that is the name of a built-in tool'
            )
        if tool.name in names:
            raise ConfigurationError(f'agent "{agent}": two tools are named "{tool.name}"')
        names.add(tool.name)
    return declared


def public_names(
    agent: str, tools: Iterable[Tool[Turn]], public: bool | Collection[str], *, more: bool = False
) -> frozenset[str]:
    """Return the names of the tools whose calls visitors may read: those marked `@public`, and those in `public`.

    Args:
        agent: The name of the agent.
        tools: Its tools.
        public: Names, or whether it is all of them.
        more: Whether turns may have tools with other names.

    Raises:
        ConfigurationError: A name that no tool has.
    """
    tools = list(tools)
    names = {tool.name for tool in tools}
    if isinstance(public, bool):
        wanted = names if public else set()
    else:
        wanted = set(public)
    if not more and (unknown := sorted(wanted - names)):
        raise ConfigurationError(f'agent "{agent}": public names "{unknown[0]}", which is not one of its tools')
    return frozenset(wanted | {tool.name for tool in tools if (tool.metadata or {}).get(METADATA, {}).get("public")})


def _tool(agent: str, tool: Any) -> Tool[Turn]:
    if isinstance(tool, Tool):
        if tool.requires_approval:
            raise ConfigurationError(
                f'agent "{agent}": its tool "{tool.name}" requires approval, but a turn cannot wait for a person. '
                "Remove requires_approval, and have the model ask in the thread: it can call the tool in a later turn."
            )
        return tool
    if isinstance(tool, AbstractToolset):
        raise ConfigurationError(
            f'agent "{agent}": {type(tool).__name__} is a toolset: its calls could not be steps of a turn, nor wait '
            "for a person. Give its functions: tools=[search, …]. For an MCP server, or tools that run elsewhere, give "
            "a function that calls them."
        )
    if isinstance(tool, AbstractAgent):
        raise ConfigurationError(
            f'agent "{agent}": a pydantic-ai agent cannot be a tool. Give an async function that runs it.'
        )
    if isinstance(tool, (tuple, list)):
        return _described(agent, *tool)
    try:
        return Tool(tool, metadata=_metadata(tool))
    except (UserError, TypeError, NameError, AttributeError) as error:
        raise ConfigurationError(f'agent "{agent}": {tool!r} cannot be a tool: {error}') from error


def _metadata(function: object) -> dict[str, Any]:
    return {METADATA: {"idempotent": is_idempotent(function), "public": is_public(function)}}


def _described(
    agent: str, name: str, function: Callable[..., Any], description: str, schema: Mapping[str, Any]
) -> Tool[Turn]:
    """Return a tool that is declared as a tuple. Calls that do not match its schema are rejected to the model."""
    if not re.fullmatch(NAME, name):
        raise ConfigurationError(
            f'agent "{agent}": a tool\'s name may contain only letters, digits, "_" and "-", 64 at most: {name!r}'
        )
    schema = {"type": "object", "properties": {}, **schema}
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ConfigurationError(
            f'agent "{agent}": the schema of its tool "{name}" is not valid: {error.message[:SCHEMA_SHOWN]}'
        ) from error
    if schema["type"] != "object":
        raise ConfigurationError(
            f'agent "{agent}": the schema of its tool "{name}" must have the type "object", not {schema["type"]!r}'
        )
    takes_ctx = _takes_context(function)
    _check_parameters(agent, name, function, schema, skip=int(takes_ctx))
    validator = Draft202012Validator(schema)

    def validate(ctx: RunContext[Turn], /, **arguments: Any) -> None:
        if error := best_match(validator.iter_errors(arguments)):
            raise ModelRetry(f"{error.json_path.removeprefix('$.')}: {error.message[:SCHEMA_SHOWN]}")

    tool: Tool[Turn] = Tool.from_schema(
        function, name, description, schema, takes_ctx=takes_ctx, args_validator=validate
    )
    tool.metadata = _metadata(function)
    return tool


def _parameters(function: Callable[..., Any]) -> Sequence[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []  # a function in C without a signature


def _takes_context(function: Callable[..., Any]) -> bool:
    """Return whether the first parameter is annotated as a `RunContext`."""
    first = next(iter(_parameters(function)), None)
    if first is None:
        return False
    annotation = first.annotation
    if isinstance(annotation, str):
        return annotation.partition("[")[0].rpartition(".")[2] == RunContext.__name__
    return annotation is RunContext or get_origin(annotation) is RunContext


def _check_parameters(
    agent: str, name: str, function: Callable[..., Any], schema: Mapping[str, Any], *, skip: int
) -> None:
    """Raise `ConfigurationError` if a call that matches the schema would not fit the function."""
    parameters = _parameters(function)[skip:]
    named = {each.name: each for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)}
    takes_any = not parameters or any(each.kind is each.VAR_KEYWORD for each in parameters)
    properties = schema["properties"]
    if not takes_any and (unknown := sorted(properties.keys() - named.keys())):
        raise ConfigurationError(
            f'agent "{agent}": the schema of its tool "{name}" has the property "{unknown[0]}", but its function has '
            "no such parameter"
        )
    needed = {each.name for each in named.values() if each.default is each.empty}
    if missing := sorted(needed - {*schema.get("required", ())}):
        raise ConfigurationError(
            f'agent "{agent}": the function of its tool "{name}" needs "{missing[0]}": list it in the schema\'s '
            '"required", or give the parameter a default'
        )
