"""Read and validate JSON bodies and queries strictly; errors name the location of each invalid field."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel, ValidationError

from ..problems import BROKEN_OFF, FieldError, Problem

DIGITS = 1000
"""The most digits of an integer."""
_BOM = "\ufeff"


async def read_body(request: web.Request, limit: int, timeout: float) -> bytes:
    """Read a body of at most `limit` bytes within `timeout` seconds. Raises `Problem`: 400, 408, 413 or 415."""
    if "Content-Encoding" in request.headers:
        raise Problem(415, "send the body uncompressed")
    if request.content_length is not None and request.content_length > limit:
        raise Problem(413, f"the body exceeds {limit} bytes")
    chunks: list[bytes] = []
    size = 0
    try:
        if request.content.is_eof():
            # Usually all of it has arrived.
            chunks = [request.content.read_nowait()]
            size = len(chunks[0])
        else:
            async with asyncio.timeout(timeout):
                async for chunk in request.content.iter_chunked(65_536):
                    chunks.append(chunk)
                    size += len(chunk)
                    if size > limit:
                        break
    except TimeoutError:
        raise Problem(408, "the request body did not arrive in time") from None
    except BROKEN_OFF:
        raise Problem(400, "the request body is incomplete") from None
    if size > limit:
        raise Problem(413, f"the body exceeds {limit} bytes")
    return b"".join(chunks)


def parse_body(request: web.Request, raw: bytes, model: type[BaseModel]) -> BaseModel:
    """Return the body as a model. Raises `Problem`: 400 for malformed JSON, 415, or 422 with each invalid field."""
    if request.content_type != "application/json":
        raise Problem(415, "send JSON, with Content-Type: application/json")
    try:
        # Refuse what JSON leaves open to each parser, such as duplicate keys: all readers must see the same data.
        text = raw.decode()
        data = _decoder.decode(text) if text[:1] != _BOM else json.loads(text)  # which says so
    except RecursionError:
        raise _invalid(400, "the body is nested too deeply") from None
    except UnicodeDecodeError as error:
        raise _invalid(400, f"the body is not UTF-8 at byte {error.start}") from None
    except ValueError as error:
        raise _invalid(400, f"the body is not valid JSON: {error}") from None
    try:
        return model.model_validate_json(raw, strict=True)
    except ValidationError as error:
        errors = error.errors(include_input=False, include_url=False, include_context=False)
        if errors[0]["type"] == "json_invalid":
            raise _invalid(400, f"the body is not valid JSON: {errors[0]['msg']}") from None
        places = [_place("body", _steps(each["loc"], data, each["type"]), each["msg"]) for each in errors]
        raise _invalid(422, "request body failed validation", places) from None


def parse_query(request: web.Request, model: type[BaseModel]) -> BaseModel:
    """Return the query as a model. Raises `Problem`: 422 with each invalid field."""
    values: dict[str, Any] = {}
    for name in request.query:
        several = request.query.getall(name)
        values[name] = several[0] if len(several) == 1 else several
    try:
        return model.model_validate(values)
    except ValidationError as error:
        errors = error.errors(include_input=False, include_url=False, include_context=False)
        places = [_place("query", each["loc"], each["msg"]) for each in errors]
        raise _invalid(422, "request query failed validation", places) from None


def check_encoding(request: web.Request) -> None:
    """Refuse a URL whose decoded path or query is not valid Unicode. Raises `Problem`: 400."""
    try:
        for text in (*request.match_info.values(), *request.query.keys(), *request.query.values()):
            text.encode()
    except UnicodeEncodeError:
        raise _invalid(400, "the URL is not valid UTF-8") from None


def _invalid(status: int, detail: str, errors: list[FieldError] | None = None) -> Problem:
    return Problem(status, detail, code="invalid", errors=errors or ())


def _steps(location: tuple[int | str, ...], data: Any, kind: str) -> tuple[int | str, ...]:
    """The steps of a location that lead through `data`: pydantic names the members of a union among them."""
    steps: list[int | str] = []
    value: list[int | str] = []  # a step to what holds nothing: then the rest are members of its union
    for step in location[:-1]:
        if _has(data, step) and isinstance(data[step], dict | list):
            steps.append(step)
            data = data[step]
        elif _has(data, step):
            value = value or [step]
    steps += [step for step in location[-1:] if kind == "missing" or _has(data, step)] or value
    return tuple(steps)


def _has(data: Any, step: int | str) -> bool:
    if isinstance(data, dict):
        return step in data
    return isinstance(data, list) and isinstance(step, int) and 0 <= step < len(data)


def _place(where: Literal["body", "query"], location: tuple[int | str, ...], message: str) -> FieldError:
    steps = [str(step).encode(errors="replace").decode() for step in location]
    if where == "query":
        return FieldError(where=where, at=".".join(steps), detail=message)
    # A JSON pointer: https://www.rfc-editor.org/rfc/rfc6901
    pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
    return FieldError(where=where, at=pointer, detail=message.removeprefix("Value error, "))


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"duplicate key {json.dumps(twice[:100])} in an object")
    return members


def _bounded_int(digits: str) -> int:
    # Free-form JSON keeps integers exactly; the limit is far below Python's own.
    if len(digits) > DIGITS:
        raise ValueError(f"an integer has more than {DIGITS} digits: {digits[:20]}…")
    return int(digits)


def _finite_float(digits: str) -> float:
    if not math.isfinite(number := float(digits)):
        raise ValueError(f"a number is too large: {digits if len(digits) <= 20 else f'{digits[:20]}…'}")
    return number


def _refuse_constant(constant: str) -> float:
    raise ValueError(f"{constant} is not valid JSON")


# Made once: making it takes as long as decoding a small body.
_decoder = json.JSONDecoder(
    object_pairs_hook=_unique_members,
    parse_int=_bounded_int,
    parse_float=_finite_float,
    parse_constant=_refuse_constant,
)
