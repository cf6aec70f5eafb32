"""GitHub's own schemas, made by it and published by octokit: they judge what our stand-in says."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import graphql
import msgspec
import pytest
from jsonschema import Draft202012Validator

from tests.forks import ROOT

FOLDER = ROOT / ".venv/octokit"


@cache
def installed() -> bool:
    """Whether the schemas are here."""
    return (FOLDER / "webhooks.json").exists()


needed = pytest.mark.skipif(not installed(), reason="GitHub's schemas are not installed: make .venv/octokit.installed")

Json = dict[str, Any]
Info = graphql.GraphQLResolveInfo[Any]


@cache
def document(name: str) -> Json:
    """An OpenAPI document, "rest" or "webhooks", as JSON schemas."""
    found: Json = msgspec.json.decode((FOLDER / f"{name}.json").read_bytes())
    if name == "rest":
        # An account there is both a user and an enterprise; that of a single installation is either.
        listed = found["paths"]["/app/installations"]["get"]["responses"]["200"]["content"]["application/json"]
        listed["schema"]["items"] = {"$ref": "#/components/schemas/installation"}
    _plain(found)
    return found


def _plain(node: Any) -> None:
    """Turn OpenAPI 3.0's `nullable` into JSON schema."""
    if isinstance(node, dict):
        if node.get("nullable") is True:
            if isinstance(node.get("type"), str):
                node["type"] = [node["type"], "null"]
            if "enum" in node and None not in node["enum"]:
                node["enum"] = [*node["enum"], None]
        for value in node.values():
            _plain(value)
    elif isinstance(node, list):
        for value in node:
            _plain(value)


def _problems(name: str, schema: Json, value: Any) -> list[str]:
    validator = Draft202012Validator({**schema, "components": document(name)["components"]})
    return [f"{error.json_path}: {error.message[-200:]}" for error in validator.iter_errors(value)]


def webhook_problems(event: str, body: bytes) -> list[str]:
    """What is wrong with a webhook's body."""
    payload = json.loads(body)
    name = "-".join(filter(None, [event, payload.get("action")])).replace("_", "-")
    content = document("webhooks")["webhooks"][name]["post"]["requestBody"]["content"]
    return _problems("webhooks", content["application/json"]["schema"], payload)


@cache
def _routes() -> list[tuple[re.Pattern[str], str]]:
    # Fixed paths before those with parameters in the same place, as a router has them.
    paths = sorted(document("rest")["paths"], key=lambda path: path.count("{"))
    return [(re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))), path) for path in paths]


def answer_problems(method: str, path: str, status: int, body: bytes) -> list[str]:
    """What is wrong with an answer of the REST API."""
    path = re.sub(r"^/repositories/\d+/", "/repos/acme/widgets/", path.removeprefix("/github"))
    template = next((template for pattern, template in _routes() if pattern.fullmatch(path)), None)
    if template is None:
        return [f"there is no {path}"]
    operation = document("rest")["paths"][template].get(method.lower())
    if operation is None:
        return [f"there is no {method} {template}"]
    said = operation["responses"].get(str(status))
    if said is None:
        return (
            [] if status >= 400 else [f"{method} {template} does not answer {status}: {sorted(operation['responses'])}"]
        )
    said = document("rest")["components"]["responses"][said["$ref"].rpartition("/")[2]] if "$ref" in said else said
    content = said.get("content", {}).get("application/json")
    if content is None:
        return [f"{method} {template} answers {status} without a body"] if body and status < 300 else []
    return _problems("rest", content["schema"], json.loads(body))


@cache
def schema() -> graphql.GraphQLSchema:
    """GitHub's GraphQL schema."""
    return graphql.build_schema((FOLDER / "schema.graphql").read_text(), assume_valid=True)


def query_problems(query: str) -> list[str]:
    """What is wrong with a GraphQL document."""
    return [error.message for error in graphql.validate(schema(), graphql.parse(query))]


def data_problems(query: str, variables: Json, data: Json) -> list[str]:
    """What is wrong with the data of a GraphQL answer: types, missing and unknown fields, nulls."""

    def resolve(source: Any, info: Info, **_: Any) -> Any:
        return source.get(info.path.key)

    def type_of(value: Any, info: Info, kind: Any) -> str:
        return str(value.get("__typename") or _concrete(value, info, kind))

    def _concrete(value: Json, info: Info, kind: Any) -> str:
        """The type whose fragment the answer matches, where the query does not ask for the type's name."""
        selected = info.field_nodes[0].selection_set
        assert selected is not None
        for part in selected.selections:
            fragment = info.fragments[part.name.value] if isinstance(part, graphql.FragmentSpreadNode) else part
            if isinstance(fragment, (graphql.InlineFragmentNode, graphql.FragmentDefinitionNode)):
                wanted = [each for each in fragment.selection_set.selections if isinstance(each, graphql.FieldNode)]
                names = {(each.alias or each.name).value for each in wanted}
                if fragment.type_condition and names <= value.keys():
                    return fragment.type_condition.name.value
        return next(each.name for each in info.schema.get_possible_types(kind))

    result = graphql.execute(
        schema(), graphql.parse(query), root_value=data, variable_values=variables,
        field_resolver=resolve, type_resolver=type_of,
    )  # fmt: skip
    assert isinstance(result, graphql.ExecutionResult)
    return [error.message for error in result.errors or []]
