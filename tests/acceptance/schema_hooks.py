"""What a JSON schema cannot say of the API, for the fuzzer that reads ours. Loaded by `st`, as SCHEMATHESIS_HOOKS."""

from __future__ import annotations

import os
import re
from functools import cache
from typing import Any

import schemathesis
from jsonschema import Draft202012Validator
from schemathesis import Case, GenerationMode, HookContext


@cache
def _validator(operation: Any) -> Draft202012Validator:
    path = operation.path.replace("~", "~0").replace("/", "~1")
    place = f"#/paths/{path}/{operation.method}/requestBody/content/application~1json/schema"
    return Draft202012Validator({**operation.schema.raw_schema, "$ref": place})


def _fits(case: Case[Any]) -> bool:
    """Whether a body is right by the whole schema: the fuzzer looks at each field by itself."""
    is_json = isinstance(case.body, dict) and case.media_type == "application/json"
    return not is_json or _validator(case.operation).is_valid(case.body)


def _answerable(body: dict[str, Any]) -> bool:
    said = [message for message in body["messages"] if message["role"] not in ("system", "developer")]
    parts = any(isinstance(message.get("content"), list) for message in body["messages"])
    return not parts and bool(said) and said[-1]["role"] != "assistant"


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Put our own remote agent in the place of all: nobody else's address may be asked."""
    if isinstance(case.body, dict) and re.match("https?://", str(case.body.get("url"))):
        case.body["url"] = os.environ["REMOTE"]


@schemathesis.hook
def filter_case(context: HookContext, case: Case[Any]) -> bool:
    """Leave out what is no good example: what is wrong by the whole schema, and what is right by the schema alone.

    The latter are a cursor that nobody gave out, and, for OpenAI's clients, a conversation that does not end with
    something to answer, or has parts: their encodings stand in other places. And a form with a file: its type is
    not in the schema.
    """
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return True
    if case.path.endswith("/chat/completions") and isinstance(case.body, dict) and not _answerable(case.body):
        return False
    if case.path.endswith("/files") and case.media_type == "multipart/form-data":
        return False
    return not (case.query or {}).get("cursor") and _fits(case)
