"""Load a flow from a file or from data, reporting all errors at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from answerback.errors import ConfigurationError, FlowError
from answerback.flows.definition import Flow
from answerback.flows.linting import problems
from answerback.flows.react import flow_of, is_export

_WORDS = {
    "missing": "is missing",
    "string_type": "must be a string",
    "int_type": "must be an integer",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
}

_DEEP = "it is nested too deeply"


def load(source: str | Path | Mapping[str, Any] | Flow, name: str = "") -> Flow:
    """Return the flow at a path or given as data. Raises `FlowError` with all errors and their places."""
    if isinstance(source, Flow):
        name, flow = name or "this", source
    elif isinstance(source, Mapping):
        name = name or "this"
        flow = parse(source, name)
    else:
        name = name or str(source)
        flow = parse(_read(Path(source)), name)
    if errors := problems(flow):
        raise FlowError(name, [str(problem) for problem in errors])
    return flow


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise FlowError(str(path), [f"line {error.lineno}, column {error.colno}: {error.msg}"]) from None
    except RecursionError:
        raise FlowError(str(path), [_DEEP]) from None
    except UnicodeDecodeError as error:
        raise FlowError(str(path), [f"byte {error.start}: it is not UTF-8"]) from None
    except OSError as error:
        where = "" if path.is_absolute() else f" (in {Path.cwd()})"
        raise ConfigurationError(f"{path} cannot be read{where}: {error.strerror or error}") from None


def parse(data: Any, name: str = "this") -> Flow:
    """Parse a flow without checking references and reachability. Raises `FlowError`."""
    if isinstance(data, Mapping) and is_export(data):
        data = flow_of(data)
    try:
        return Flow.model_validate(data)
    except ValidationError as error:
        lines = [_explain(data, problem["loc"], problem["type"], problem["msg"]) for problem in error.errors()]
        raise FlowError(name, list(dict.fromkeys([*lines, *_beyond(data, error, lines)]))) from None
    except RecursionError:
        raise FlowError(name, [_DEEP]) from None


def _beyond(data: Any, error: ValidationError, lines: list[str]) -> list[str]:
    """Return further errors, found by checking the flow without its invalid fields."""
    try:
        rest = deepcopy(data)
    except RecursionError:
        return [_DEEP]
    for problem in error.errors():
        holder = rest
        try:
            for part in problem["loc"][:-1]:
                holder = holder[part]
            del holder[problem["loc"][-1]]
        except (LookupError, TypeError):
            continue
    try:
        errors = problems(Flow.model_validate(rest))
    except ValidationError:
        return []
    places = {line.partition(": ")[0] for line in lines}
    return [str(problem) for problem in errors if problem.where not in places]


def _explain(data: Any, location: tuple[int | str, ...], kind: str, message: str) -> str:
    """Return a line such as `nodes[2] "ask_name" edges[0] "to_end": target_node_id must be a string`."""
    where: list[str] = []
    field = ""
    for part in location:
        try:
            data = data[part]
        except (LookupError, TypeError):
            data = None
        if isinstance(part, int):
            where.append(f"{field}[{part}]{_id(data)}")
            field = ""
        elif not (part in ("str", "ToolDefinition") or "-" in part or "[" in part):
            if field:
                where.append(field)
            field = part
    fault = _WORDS.get(kind) or message.removeprefix("Value error, ").replace("Input should", "must")
    return f"{' '.join(where)}: {field} {fault}" if where and field else f"{' '.join(where) or field or 'it'} {fault}"


def _id(data: Any) -> str:
    id = data.get("id") if isinstance(data, dict) else None
    return f' "{id}"' if isinstance(id, str) else ""
