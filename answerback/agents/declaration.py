"""Checks of an agent's arguments, so that mistakes surface at declaration and not with the first message."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, get_args

from answerback.errors import ConfigurationError
from answerback.events import Arrival
from answerback.extras import missing

if TYPE_CHECKING:
    from pydantic import SecretStr


MOST_BACKFILLED = 200
"""The most messages that are read from a platform's history for a thread."""
ARRIVALS: tuple[Arrival, ...] = ("queue", "merge", "debounce", "interrupt", "drop")


def check_name(name: str) -> None:
    """Raise `ConfigurationError` for a name that an agent cannot have."""
    if not name or not all(c.isalnum() or c in "-_." for c in name):
        raise ConfigurationError(
            f"an agent's name may contain only letters, digits, '-', '_' and '.', and not be empty: {name!r}"
        )


def check_kind(
    name: str,
    think: Any,
    model: object,
    flow: object,
    remote: object,
    *,
    instructions: object,
    tools: object,
    knowledge: object,
) -> None:
    """Raise `ConfigurationError` unless an agent is one of: a function, a model, a flow, a remote address.

    Only a model has instructions, only a model or a flow has tools, and only a function or a model has knowledge.
    """
    if sum(kind is not None for kind in (think, model if flow is None else flow, remote)) != 1:
        raise ConfigurationError(f'agent "{name}" needs exactly one of: a function, a model, a flow, a remote address')
    if think is not None:
        _check_function(name, think)
    if (tools or instructions) and (think is not None or remote is not None):
        has = "a function" if think is not None else "a remote address"
        raise ConfigurationError(f'agent "{name}": tools and instructions need a model; it has {has}')
    if flow is not None and instructions:
        raise ConfigurationError(f'agent "{name}": write a flow\'s instructions in its "system_prompt"')
    if knowledge is not None and (flow is not None or remote is not None):
        raise ConfigurationError(f'agent "{name}": knowledge needs a function or a model')
    if model is not None and (install := missing("models")):
        raise ConfigurationError(f'agent "{name}": language models are not installed: {install}')


def check_arrival(name: str, arrival: str) -> None:
    """Raise `ConfigurationError` for an unknown `arrival`."""
    if arrival not in ARRIVALS:
        raise ConfigurationError(f'agent "{name}": arrival must be one of {", ".join(ARRIVALS)}, not {arrival!r}')


def check_edits(name: str, edits: str) -> None:
    """Raise `ConfigurationError` for an unknown `edits`."""
    if edits not in ("ignore", "tell", "again"):
        raise ConfigurationError(f'agent "{name}": edits must be one of ignore, tell, again, not {edits!r}')


def check_presence(name: str, presence: str | None) -> None:
    """Raise `ConfigurationError` for an unknown `presence`."""
    if presence not in ("status", "outcome", None):
        raise ConfigurationError(f'agent "{name}": presence must be "status", "outcome" or None, not {presence!r}')


def check_direct(name: str, direct: str) -> None:
    """Raise `ConfigurationError` for an unknown `direct`."""
    if direct not in ("thread", "conversation"):
        raise ConfigurationError(f'agent "{name}": direct must be "thread" or "conversation", not {direct!r}')


def check_backfill(name: str, backfill: object) -> None:
    """Raise `ConfigurationError` for a number of messages that is not one."""
    if backfill is not None and not (isinstance(backfill, int) and 0 <= backfill <= MOST_BACKFILLED):
        raise ConfigurationError(
            f'agent "{name}": backfill must be a number of messages from 0 to {MOST_BACKFILLED}, not {backfill!r}'
        )


def _check_function(name: str, think: Any) -> None:
    """Raise `ConfigurationError` unless `think` is an async function or generator, or an object called as one."""
    if not callable(think):
        raise ConfigurationError(f'agent "{name}": {think!r} is not an async function')
    if inspect.isclass(think) or not (_asynchronous(think) or _asynchronous(getattr(think, "__call__", None))):  # noqa: B004
        raise ConfigurationError(
            f'agent "{name}": its function is not async. Declare it with `async def`, and run blocking code with '
            "`await asyncio.to_thread(…)`."
        )


def _asynchronous(function: Any) -> bool:
    original = inspect.unwrap(function) if callable(function) else function
    return any(inspect.iscoroutinefunction(one) or inspect.isasyncgenfunction(one) for one in (function, original))


def check_public(name: str, public: object) -> None:
    """Raise `ConfigurationError` for a string, whose letters would be taken for the names of tools."""
    if isinstance(public, str):
        raise ConfigurationError(f'agent "{name}": public must be True or a list of tool names, not {public!r}')


def check_platform(pattern: str) -> None:
    """Raise `ConfigurationError` if no platform's name matches the pattern."""
    if pattern == "*":
        return  # the default: imports no platform
    from answerback.platforms.registry import PLATFORMS

    names = [*PLATFORMS, "chat"]
    if not any(fnmatchcase(name, str(pattern)) for name in names):
        raise ConfigurationError(f'no platform "{pattern}". {_choices(str(pattern), names)}')


def check_words(what: str, words: Sequence[str], literal: object) -> None:
    """Raise `ConfigurationError` unless `words` is a tuple or list of values of the `Literal` type."""
    names = [str(value) for value in get_args(literal)]
    if isinstance(words, str) or not isinstance(words, Sequence):
        raise ConfigurationError(f"{what} must be a tuple, such as ({names[0]!r},), not {words!r}")
    for word in words:
        if word not in names:
            raise ConfigurationError(f"{what}: {word!r} is unknown. {_choices(str(word), names)}")


def check_positive(name: str, **numbers: float | None) -> None:
    """Raise `ConfigurationError` for a number that is not greater than 0; None stands for the default."""
    for field, number in numbers.items():
        if number is not None and not number > 0:
            raise ConfigurationError(f'agent "{name}": {field} must be greater than 0, not {number!r}')


def check_model_options(name: str, model: object, prepare: object, may_stay_silent: bool) -> None:
    """Raise `ConfigurationError` for options that only an agent with a model has."""
    if model is None and (prepare is not None or may_stay_silent):
        option = "may_stay_silent" if prepare is None else "prepare"
        raise ConfigurationError(f'agent "{name}": {option} is for agents that are a model')
    if prepare is not None and not callable(prepare):
        raise ConfigurationError(f'agent "{name}": prepare must be a function that takes a Turn, not {prepare!r}')


def check_remote(name: str, address: str | None, bearer_token: object) -> None:
    """Raise `ConfigurationError` for an address that is not a web address, or a token without an address."""
    if address is not None and not address.startswith(("http://", "https://")):
        raise ConfigurationError(f'agent "{name}": a remote address must start with https://, not {address!r}')
    if bearer_token is not None and address is None:
        raise ConfigurationError(f'agent "{name}": only a remote agent takes a bearer token')


def check_tools(name: str, tools: object) -> None:
    """Raise `ConfigurationError` for what is not a list of tools, without importing pydantic-ai."""
    single = isinstance(tools, str) or callable(tools) or (isinstance(tools, tuple) and isinstance([*tools, 0][0], str))
    if single or not isinstance(tools, Iterable):
        shown = getattr(tools, "__name__", None) or ("(…)" if isinstance(tools, tuple) else tools)
        raise ConfigurationError(f'agent "{name}": tools must be a list: tools=[{shown}]')
    for tool in tools:
        if isinstance(tool, (tuple, list)):
            _check_described(name, tool)
        elif isinstance(tool, str) or not (callable(tool) or hasattr(tool, "name") or hasattr(tool, "get_tools")):
            raise ConfigurationError(
                f'agent "{name}": {tool!r} is not a tool. A tool is a function, a tuple (name, function, description, '
                "JSON schema), or pydantic-ai's Tool."
            )


def _check_described(name: str, tool: Sequence[Any]) -> None:
    """Raise `ConfigurationError` for a tuple that is not (name, function, description, JSON schema)."""
    match tool:
        case (str(), function, str(), Mapping()) if callable(function):
            return
    raise ConfigurationError(
        f'agent "{name}": a tool that is a tuple must be (name, function, description, JSON schema), '
        f'such as ("find", find, "Find an order.", {{"type": "object", …}}), not {tool!r}'
    )


def checked_token(name: str, token: str | SecretStr | None) -> SecretStr | None:
    """Return a valid bearer token as a `SecretStr`, so that it is never printed."""
    if token is None:
        return None
    from pydantic import SecretStr

    from answerback.http.untrusted import BEARER

    secret = token if isinstance(token, SecretStr) else SecretStr(token)
    if not re.fullmatch(BEARER, secret.get_secret_value()):
        raise ConfigurationError(f'agent "{name}": its bearer token is empty or has invalid characters')
    return secret


def _choices(word: str, names: Sequence[str]) -> str:
    close = get_close_matches(word.lower(), names, n=1)
    return f'Did you mean "{close[0]}"?' if close else f"Choose from: {', '.join(names)}."
