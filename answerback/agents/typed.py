"""Typed runs: an agent's structured input and output, as its `input` and `output` types declare them."""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, get_args

from answerback.errors import ConfigurationError, InputMismatch, TurnFailed
from answerback.structured import mismatch

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

    from answerback.agents.turn import Turn

DEFERRED = "DeferredToolRequests"
"""The output type with which pydantic-ai returns calls of tools that were not run."""
LARGEST_SCHEMA = 32_768
"""The most bytes of a JSON schema that is announced; a larger one is checked by the worker alone."""


class Typed:
    """The types of an agent's input and output; None: any input, and a text as output.

    Args:
        agent: The agent's name.
        input: A pydantic model, a dataclass or any type that pydantic validates.
        output: The same for the output.

    Raises:
        ConfigurationError: pydantic cannot validate such a type.
    """

    def __init__(self, agent: str, input: Any = None, output: Any = None) -> None:
        self._agent = agent
        self.output = output
        self._input = _adapter(agent, "input", input)
        self._output = _adapter(agent, "output", output)
        self.input_schema = _schema(agent, "input", self._input, "validation")
        """The JSON schema of the input; b"" without one, or if it is too large to announce."""
        self.output_schema = _schema(agent, "output", self._output, "serialization")
        """The JSON schema of the output, likewise."""

    async def run(self, turn: Turn, think: Callable[[Turn], Awaitable[Any]]) -> str | None:
        """Run a turn with validated input, and return its validated output as text; None if it has no answer.

        Raises:
            InputMismatch: the events carry no valid input.
            TurnFailed: the agent returned something else than its `output` type.
        """
        if self._input:
            turn.input = self._validated_input(self._input, turn)
        result: Any = await think(turn)
        return result if self._output is None or result is None else self._rendered(self._output, turn, result)

    def _validated_input(self, adapter: TypeAdapter[Any], turn: Turn) -> Any:
        from pydantic import ValidationError

        try:
            return adapter.validate_python(turn.input if turn.input is not None else _read(turn.text))
        except ValidationError as error:
            raise InputMismatch(mismatch(self._agent, _problems("input", error))) from None

    def _rendered(self, adapter: TypeAdapter[Any], turn: Turn, result: Any) -> str:
        from pydantic import ValidationError

        try:
            value = adapter.validate_python(result)
        except ValidationError as error:
            problems = "; ".join(_problems("output", error))
            raise TurnFailed(f'the output of agent "{self._agent}" is not of its type: {problems}') from None
        turn.output_json = adapter.dump_json(value)
        return value if isinstance(value, str) else turn.output_json.decode()


def check_types(name: str, think: object, flow: object, remote: object, input: object, output: object) -> None:
    """Raise `ConfigurationError` for types on an agent that cannot have them."""
    if input is None and output is None:
        return
    if flow is not None or remote is not None:
        raise ConfigurationError(f'agent "{name}": only a function or a model has an input and an output type')
    _check_output(name, output)
    if output is not None and inspect.isasyncgenfunction(inspect.unwrap(think) if callable(think) else think):
        raise ConfigurationError(f'agent "{name}": an async generator yields text; return the output from a function')


def _check_output(name: str, output: object) -> None:
    """Raise `ConfigurationError` for output types of pydantic-ai that a turn cannot have."""
    if isinstance(output, (list, tuple)):
        raise ConfigurationError(f'agent "{name}": output must be one type, such as `str | Verdict`, not {output!r}')
    for kind in (output, *get_args(output)):
        if getattr(kind, "__module__", "").startswith("pydantic_ai") and getattr(kind, "__name__", "") == DEFERRED:
            raise ConfigurationError(
                f'agent "{name}": output={DEFERRED} is for tools that wait for a person or run elsewhere, but a turn '
                "cannot wait. Have the model ask in the thread: it can call the tool in a later turn."
            )


def _read(text: str) -> Any:
    """Return a text as JSON, or as it is: a person may write the input of a typed agent in a chat."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _adapter(agent: str, what: str, kind: Any) -> TypeAdapter[Any] | None:
    if kind is None:
        return None
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticUserError

    try:
        return TypeAdapter(kind)
    except PydanticUserError as error:
        raise ConfigurationError(f'agent "{agent}": {what}={kind!r} cannot be validated: {error.message}') from None


def _schema(agent: str, what: str, adapter: TypeAdapter[Any] | None, mode: Any) -> bytes:
    if adapter is None:
        return b""
    from pydantic.errors import PydanticInvalidForJsonSchema

    try:
        schema = json.dumps(adapter.json_schema(mode=mode), separators=(",", ":")).encode()
    except PydanticInvalidForJsonSchema as error:
        raise ConfigurationError(f'agent "{agent}": {what} has no JSON schema: {error.message}') from None
    return schema if len(schema) <= LARGEST_SCHEMA else b""


def _problems(what: str, error: ValidationError) -> list[str]:
    return [
        f"{'.'.join(map(str, each['loc'])) or what}: {each['msg']}"
        for each in error.errors(include_input=False, include_url=False, include_context=False)
    ]
