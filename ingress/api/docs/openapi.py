"""The OpenAPI 3.1 document of the routes: https://spec.openapis.org/oas/v3.1.1.html."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Literal

from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from ..route import Model, Route
from .stream_events import event_stream
from .stream_events import schemas as stream_event_schemas

Schema = dict[str, Any]

ABOUT = """Chat threads with durable agents. A message is stored before the response is sent, and its turn \
survives crashes.

Send an API key with each request: `Authorization: Bearer ab_live_…`. `answerback keys create` creates one; on a \
development machine, `answerback up` stores one in `.answerback/dev-key`. Bodies are JSON. A POST with an \
`Idempotency-Key` that is repeated within 24 hours gets the same response, and nothing is done twice."""


SHOWN = {
    "key": "an API key with the scope: `Bearer ab_live_…`",
    "publishable": "a publishable key, from a page at one of its origins: `Bearer ab_pub_…`",
    "session": "the token of the session in the path: `Bearer ab_ses_…`",
    "user": "a user token, `Bearer ab_user_…`, or a JWT of your own issuer; for threads of this user",
}
"""The security schemes."""


class InvalidField(Model):
    """An invalid field of a request."""

    where: Literal["body", "query", "header"]
    at: str = Field(description="a JSON pointer into the body, or the name of a query parameter or header")
    detail: str


class ProblemDetails(BaseModel):
    """Why a request was refused (RFC 9457)."""

    type: str = Field(description='identifies the kind of problem; "about:blank" where the status is enough')
    title: str
    status: int
    detail: str = ""
    errors: list[InvalidField] = []
    turn: str = Field("", description="the failed turn, which is the id of its dead letter")
    code: str = Field("", description="how the turn failed: agent_failed, invalid_input, unreachable, limit or timeout")
    request_id: str = Field("", description="the request id, as in `X-Request-Id` and in the ingress log")


def document(routes: Sequence[Route]) -> Schema:
    """Return the OpenAPI document of the routes."""
    schemas, definitions = _schemas(routes)
    paths: dict[str, Schema] = {}
    for route in routes:
        for path in route.paths:
            paths.setdefault(path, {})[route.method.lower()] = _operation(route, path, schemas, definitions)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Answerback", "version": version("answerback"), "description": ABOUT},
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in routes)],
        "paths": paths,
        "components": {
            "schemas": definitions,
            "securitySchemes": {
                name: {"type": "http", "scheme": "bearer", "description": about} for name, about in SHOWN.items()
            },
        },
    }


def _schemas(routes: Iterable[Route]) -> tuple[dict[tuple[type[BaseModel], str], Schema], dict[str, Schema]]:
    models: list[tuple[type[BaseModel], Literal["validation", "serialization"]]] = [(ProblemDetails, "serialization")]
    for route in routes:
        models += [(model, "validation") for model in (route.body, route.query) if model]
        models += [(model, "serialization") for model in (route.returns, route.refusal, *route.also.values()) if model]
    unique = list(dict.fromkeys(models))
    references, schemas = models_json_schema(unique, ref_template="#/components/schemas/{model}")
    return {each: references[each] for each in unique}, schemas["$defs"] | stream_event_schemas()


def _operation(
    route: Route, path: str, schemas: dict[tuple[type[BaseModel], str], Schema], definitions: dict[str, Schema]
) -> Schema:
    slug = re.sub(r"\W+", "_", path.removeprefix("/api/v1")).strip("_")
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        | ({"description": route.parameters[name]} if name in route.parameters else {})
        for name in re.findall(r"\{(\w+)", path)
    ]
    if route.query:
        shape = definitions[schemas[route.query, "validation"]["$ref"].rpartition("/")[2]]
        for name, schema in shape.get("properties", {}).items():
            rest = {key: value for key, value in schema.items() if key != "description"}
            one = {"name": name, "in": "query", "required": name in shape.get("required", ()), "schema": rest}
            parameters.append(one | ({"description": schema["description"]} if "description" in schema else {}))
    if route.method == "POST" and route.scope and not route.raw:
        schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+( +[!-~]+)*$"}
        about = "a unique key of your choice; a request repeated with the same key gets the same response"
        parameters.append({"name": "Idempotency-Key", "in": "header", "schema": schema, "description": about})
    operation: Schema = {
        "operationId": f"{route.method.lower()}_{slug}",
        "summary": route.summary,
        "tags": [route.tag],
        "security": _security(route),
        "responses": _responses(route, schemas),
    }
    if route.description:
        operation["description"] = route.description
    if parameters:
        operation["parameters"] = parameters
    if route.body:
        content = {"application/json": {"schema": schemas[route.body, "validation"]}}
        operation["requestBody"] = {"required": True, "content": content}
    elif route.uploads:
        content = {kind: {"schema": schema} for kind, schema in route.uploads.items()}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _security(route: Route) -> list[dict[str, list[str]]]:
    if route.scope is None:
        return []
    needs: list[dict[str, list[str]]] = [{"key": [] if route.scope == "any" else [route.scope]}]
    if route.publishable:
        needs.append({"publishable": []})
    if route.session:
        needs.append({"session": []})
    if route.user:
        needs.append({"user": []})
    return needs


def _responses(route: Route, schemas: dict[tuple[type[BaseModel], str], Schema]) -> Schema:
    content: Schema = {}
    if route.returns:
        content["application/json"] = {"schema": schemas[route.returns, "serialization"]}
    if route.streams:
        content[route.streams] = {"schema": event_stream() if route.events else {"type": "string"}}
    success: Schema = {"description": HTTPStatus(route.status).phrase}
    responses: Schema = {str(route.status): success | ({"content": content} if content else {})}
    for status, also in route.also.items():
        shape = {"application/json": {"schema": schemas[also, "serialization"]}}
        responses[str(status)] = {"description": HTTPStatus(status).phrase, "content": shape}
    kind, model = ("application/json", route.refusal) if route.refusal else ("application/problem+json", ProblemDetails)
    for status, when in sorted(_refusals(route).items()):
        answer: Schema = {"description": when, "content": {kind: {"schema": schemas[model, "serialization"]}}}
        if status == 429:
            seconds = {"description": "seconds until the next request is allowed", "schema": {"type": "integer"}}
            answer["headers"] = {"Retry-After": seconds}
        responses[str(status)] = answer
    return responses


def _refusals(route: Route) -> dict[int, str]:
    refusals = {503: "the store is unavailable; try again later"}
    if route.scope:
        refusals |= {
            401: "no API key, or an invalid one",
            403: "the key lacks the required scope",
            429: "too many requests with this key",
        }
    if route.body or route.query or "{" in route.path:
        refusals[400] = "malformed request"
    if route.body:
        refusals |= {408: "the request body did not arrive in time", 413: f"the body exceeds {route.limit} bytes"}
        refusals |= {415: "the body is not declared as JSON, or is compressed"}
    if route.body or route.query:
        refusals[422] = "a field failed validation; `errors` lists each"
    if "{" in route.path:
        refusals[404] = "not found in this workspace"
    if route.method == "POST" and route.scope and not route.raw:
        refusals |= {409: "the Idempotency-Key was already used for a different request", 400: "malformed request"}
    return refusals | dict(route.refusals)
