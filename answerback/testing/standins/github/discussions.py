"""GitHub's GraphQL endpoint, without which nobody can write in discussions.

https://docs.github.com/en/graphql/guides/using-the-graphql-api-for-discussions
"""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from answerback.testing.standins.github.attachments import Attachments
from answerback.testing.standins.github.credentials import failure
from answerback.testing.standins.github.graphql import Field, GraphQLError, Object, Undefined, parse, select
from answerback.testing.standins.github.mutations import mutations
from answerback.testing.standins.github.objects import Objects
from answerback.testing.standins.github.world import World
from answerback.testing.standins.standin import Operation, Refusal, answer
from answerback.testing.standins.values import Json


class GraphQLRequest(msgspec.Struct):
    """A GraphQL request."""

    query: str
    variables: dict[str, Any] | None = None


class Discussions:
    """The discussions with their comments, as one caller sees them. Each exists once it is named."""

    def __init__(self, world: World, attachments: Attachments) -> None:
        self._world, self._attachments = world, attachments

    def operations(self) -> list[Operation]:
        """Return the one operation: GraphQL has one endpoint."""
        return [Operation("POST", "/graphql", self._name, self._graphql)]

    def _name(self, body: bytes) -> str:
        """Return the name of a GraphQL operation: its first field."""
        try:
            asked = msgspec.json.decode(body, type=GraphQLRequest)
            return f"graphql/{parse(asked.query, asked.variables or {}).fields[0].name}"
        except (msgspec.DecodeError, UnicodeDecodeError, Undefined):
            return "graphql/invalid"

    async def _graphql(self, request: web.Request) -> web.Response:
        actor = self._world.credentials.actor(request)
        try:
            asked = msgspec.json.decode(await request.read(), type=GraphQLRequest)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Refusal(failure(400, "Problems parsing JSON")) from None
        try:
            document = parse(asked.query, asked.variables or {})
            mutation = document.kind == "mutation"
            objects = Objects(self._world, self._attachments, request, actor)
            root = mutations(objects, document.fields) if mutation else objects.queries()
            return self._answer(root, document.fields)
        except Undefined as wrong:
            return answer({"errors": [{"message": str(wrong), "extensions": {"code": "undefinedField"}}]})

    def _answer(self, root: Object, fields: list[Field]) -> web.Response:
        data: Json = {}
        errors = []
        for field in fields:
            try:
                data |= select(root, [field])
            except Undefined:
                raise
            except GraphQLError as error:
                data[field.key] = None
                errors.append({"type": error.type, "path": [field.key], "message": str(error)})
        return answer({"data": data, "errors": errors} if errors else {"data": data})
