"""Answers of a real language model, recorded once and replayed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter, ModelResponse
from pydantic_ai.models import Model, infer_model
from pydantic_ai.models.function import AgentInfo, FunctionModel

from answerback.errors import TurnFailed
from answerback.testing.models import responding

VOLATILE = frozenset({
    "conversation_id", "metadata", "provider_details", "provider_response_id", "run_id", "timestamp", "usage",
})  # fmt: skip
"""Fields of pydantic-ai's messages that differ between two runs of the same test."""


class NotRecorded(TurnFailed):
    """A request was made for which no answer is recorded."""


def recorded(path: str | Path, model: str | Model, *, record: bool = False) -> FunctionModel:
    """Return a model that replays recorded answers; with `record`, it asks the real one and writes them down.

    An answer is found by its request: instructions, messages and names of the tools. The file is JSON that can be read
    and edited. Nothing but recording needs the model's API key.

    Args:
        path: The file.
        model: The real model, named as in pydantic-ai, or one of its `Model` objects.
        record: Ask the real model. The file then has the answers of this run, and no others.

    Raises:
        NotRecorded: Later, in a turn: there is no answer to its request.
    """
    file = Path(path)
    exchanges: list[dict[str, Any]] = [] if record or not file.exists() else json.loads(file.read_text())
    left = list(exchanges)
    real: list[Model] = []

    async def ask(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        request = _request(messages, info)
        if record:
            if not real:
                real.append(infer_model(model))
            response = await real[0].request(messages, info.model_settings, info.model_request_parameters)
            exchanges.append({"request": request, "response": _dump([response])[0]})
            _save(file, exchanges)
            return response
        # Equal requests are answered in the order in which they were recorded; the last answer serves for all further.
        exchange = next((each for each in left if each["request"] == request), None)
        if exchange is None:
            exchange = next((each for each in reversed(exchanges) if each["request"] == request), None)
        else:
            left.remove(exchange)
        if exchange is None:
            raise NotRecorded(_missing(file, request, len(exchanges)))
        (message,) = ModelMessagesTypeAdapter.validate_python([exchange["response"]])
        assert isinstance(message, ModelResponse)
        return message

    return responding(ask)


def _save(file: Path, exchanges: Sequence[dict[str, Any]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(exchanges, indent=1, ensure_ascii=False) + "\n")


def _request(messages: Sequence[ModelMessage], info: AgentInfo) -> dict[str, Any]:
    return {
        "instructions": info.instructions,
        "messages": [_stable(message) for message in _dump(messages)],
        "tools": sorted(tool.name for tool in (*info.function_tools, *info.output_tools)),
    }


def _dump(messages: Sequence[ModelMessage]) -> list[dict[str, Any]]:
    dumped: list[dict[str, Any]] = ModelMessagesTypeAdapter.dump_python(list(messages), mode="json")
    return dumped


def _stable(value: Any) -> Any:
    """Return JSON without fields that differ between runs, or are empty."""
    if isinstance(value, dict):
        return {name: _stable(each) for name, each in value.items() if name not in VOLATILE and each is not None}
    return [_stable(each) for each in value] if isinstance(value, list) else value


def _missing(file: Path, request: dict[str, Any], recorded: int) -> str:
    last = json.dumps(request["messages"][-1], ensure_ascii=False)
    there = f"it has answers to {recorded} other requests" if recorded else "it has no answers"
    return (
        f"{file} has no answer to this request: {last[:500]}. In all, {there}. Record again: pytest --answerback-record"
    )
