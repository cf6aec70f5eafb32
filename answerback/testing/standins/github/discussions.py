"""GitHub's discussions, which only GraphQL can write to.

https://docs.github.com/en/graphql/guides/using-the-graphql-api-for-discussions
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from answerback.testing.standins.github.comments import Comment, Comments, Kind, Repository
from answerback.testing.standins.github.credentials import Actor, Credentials, failure
from answerback.testing.standins.github.graphql import Field, GraphQLError, Object, Undefined, parse, select
from answerback.testing.standins.github.nodes import node_id, node_ids
from answerback.testing.standins.github.payloads import DISCUSSIONS, WEB
from answerback.testing.standins.standin import Operation, Refusal, answer
from answerback.testing.standins.values import Json, moment

Store = Callable[[str, Kind, Repository, int, Actor, str, int | None], Comment]

SOMEBODY = Actor("octocat", 583231)
"""The author of comments that are known only to the code under test, from a webhook."""


class GraphQLRequest(msgspec.Struct):
    """A GraphQL request."""

    query: str
    variables: dict[str, Any] | None = None


class Discussions:
    """The discussions with their comments, as one caller sees them. Each exists once it is named."""

    def __init__(self, comments: Comments, credentials: Credentials, store: Store) -> None:
        self._comments = comments
        self._credentials = credentials
        self._store = store

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
        actor = self._credentials.actor(request)
        try:
            asked = msgspec.json.decode(await request.read(), type=GraphQLRequest)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Refusal(failure(400, "Problems parsing JSON")) from None
        try:
            document = parse(asked.query, asked.variables or {})
            mutation = document.kind == "mutation"
            root = self._mutations(actor, document.fields) if mutation else self._queries(actor)
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

    def _queries(self, actor: Actor) -> Object:
        def repository(owner: str, name: str) -> Object:
            found = self._comments.repository(f"{owner}/{name}")
            return self._repository(actor, found) | {
                "discussion": lambda number: self._discussion(actor, found, int(number))
            }

        def node(id: str) -> Object:
            kind, repository, number = self._resolve(id)
            if kind == "D":
                return self._discussion(actor, repository, number - DISCUSSIONS)
            known = self._comments.find("discussion", repository.id, number)
            unseen = Comment("discussion", repository, 0, number, SOMEBODY, "", time.time())
            return self._comment(actor, known or unseen)

        return {"__typename": "Query", "viewer": _author(actor), "repository": repository, "node": node}

    def _mutations(self, actor: Actor, fields: list[Field]) -> Object:
        """Check the requested fields before the comment is stored, as GitHub checks a whole document first."""

        def add(input: Mapping[str, Any]) -> Object:
            for name in ("discussionId", "body"):
                if not isinstance(input.get(name), str):
                    raise Undefined(f"Argument '{name}' on InputObject 'AddDiscussionCommentInput' is required")
            kind, repository, discussion = self._resolve(input["discussionId"])
            if kind != "D":
                raise _unresolved(input["discussionId"])
            if not input["body"].strip():
                raise GraphQLError("Body cannot be blank", "UNPROCESSABLE")
            parent = None
            number = discussion - DISCUSSIONS
            if input.get("replyToId") is not None:
                parent = self._parent(input["replyToId"], repository, number)
            operation = "graphql/addDiscussionComment"
            comment = self._store(operation, "discussion", repository, number, actor, input["body"], parent)
            return payload(comment, input.get("clientMutationId"))

        def payload(comment: Comment, mutation: str | None) -> Object:
            found = {"__typename": "AddDiscussionCommentPayload", "comment": self._comment(actor, comment)}
            return found | {"clientMutationId": mutation}

        sample = Comment("discussion", Repository("acme/widgets", 1), 1, 1, actor, "", 0.0)
        for field in fields:
            if field.name == "addDiscussionComment":
                select(payload(sample, None), field.fields)
        return {"__typename": "Mutation", "addDiscussionComment": add}

    def _parent(self, node: str, repository: Repository, number: int) -> int:
        """Return the id of a comment that can be replied to. An unknown one counts as a first comment."""
        kind, its_repository, id = self._resolve(node)
        if kind != "DC" or its_repository.id != repository.id:
            raise _unresolved(node)
        known = self._comments.find("discussion", repository.id, id)
        if known is None:
            self._comments.add("discussion", repository, number, SOMEBODY, "", id=id)
        elif known.parent is not None:
            raise GraphQLError("Parent comment is already in a thread, cannot reply to it", "UNPROCESSABLE")
        return id

    def _resolve(self, node: str) -> tuple[str, Repository, int]:
        try:
            kind, ids = node_ids(node)
        except ValueError:
            raise _unresolved(node) from None
        if kind not in ("D", "DC") or len(ids) != 2:
            raise _unresolved(node)
        return kind, self._comments.repository_by_id(ids[0]), ids[1]

    def _repository(self, actor: Actor, repository: Repository) -> Json:
        name = {"nameWithOwner": repository.full_name, "databaseId": repository.id, "id": node_id("R", repository.id)}
        return {"__typename": "Repository", "__interfaces": ["Node"], **name}

    def _discussion(self, actor: Actor, repository: Repository, number: int) -> Object:
        def comments(**window: Any) -> Object:
            first = [one for one in self._comments.within("discussion", repository, number) if one.parent is None]
            return _connection([self._comment(actor, one) for one in first], "comments", window)

        return {
            "__typename": "Discussion",
            "__interfaces": ["Node", "Comment"],
            "id": node_id("D", repository.id, DISCUSSIONS + number),
            "databaseId": DISCUSSIONS + number,
            "number": number,
            "url": f"{WEB}/{repository.full_name}/discussions/{number}",
            "repository": self._repository(actor, repository),
            "comments": _window(comments),
        }

    def _comment(self, actor: Actor, comment: Comment) -> Object:
        def replies(**window: Any) -> Object:
            around = self._comments.within("discussion", comment.repository, comment.number)
            below = [self._comment(actor, one) for one in around if one.parent == comment.id]
            return _connection(below, "replies", window)

        def reply_to() -> Object | None:
            if comment.parent is None:
                return None
            known = self._comments.find("discussion", comment.repository.id, comment.parent)
            unseen = Comment("discussion", comment.repository, comment.number, comment.parent, SOMEBODY, "", comment.at)
            return self._comment(actor, known or unseen)

        json = comment.json()
        return {
            "__typename": "DiscussionComment",
            "__interfaces": ["Node", "Comment"],
            "id": comment.node,
            "databaseId": comment.id,
            "fullDatabaseId": str(comment.id),
            "body": comment.body,
            "url": json["html_url"],
            "createdAt": moment(comment.at),
            "updatedAt": moment(comment.at),
            "publishedAt": moment(comment.at),
            "viewerDidAuthor": comment.author.id == actor.id,
            "author": _author(comment.author),
            "replyTo": reply_to,
            "discussion": lambda: self._discussion(actor, comment.repository, comment.number),
            "replies": _window(replies),
        }


def _unresolved(node: str) -> GraphQLError:
    return GraphQLError(f"Could not resolve to a node with the global id of '{node}'", "NOT_FOUND")


def _author(actor: Actor) -> Object:
    login = actor.login.removesuffix("[bot]")  # GraphQL shows an app's login without its suffix.
    found = {"__typename": actor.type, "__interfaces": ["Actor", "Node"], "login": login, "databaseId": actor.id}
    return found | {"id": actor.user()["node_id"], "url": actor.user()["html_url"], "resourcePath": f"/{login}"}


def _window(resolve: Callable[..., Object]) -> Callable[..., Object]:
    """A connection's arguments: https://docs.github.com/en/graphql/guides/using-pagination-in-the-graphql-api"""

    def field(
        first: int | None = None, last: int | None = None, after: str | None = None, before: str | None = None
    ) -> Object:
        return resolve(first=first, last=last, after=after, before=before)

    return field


def _connection(found: list[Object], name: str, window: Mapping[str, Any]) -> Object:
    size = window["first"] if window["first"] is not None else window["last"]
    if size is None:
        raise GraphQLError(f"You must provide a `first` or `last` value to properly paginate the `{name}` connection.")
    if not 1 <= size <= 100:
        raise GraphQLError(f"Requesting {size} records on the `{name}` connection exceeds the limit of 100 records.")
    begin = int(window["after"] or 0)
    end = min(int(window["before"] or len(found) + 1) - 1, len(found))
    if window["first"] is not None:
        end = min(end, begin + size)
    else:
        begin = max(begin, end - size)
    shown = found[begin:end]
    edges = [{"__typename": "Edge", "cursor": str(begin + n + 1), "node": node} for n, node in enumerate(shown)]
    page = {
        "__typename": "PageInfo",
        "hasNextPage": end < len(found),
        "hasPreviousPage": begin > 0,
        "startCursor": str(begin + 1) if shown else None,
        "endCursor": str(end) if shown else None,
    }
    return {"__typename": "Connection", "nodes": shown, "edges": edges, "pageInfo": page, "totalCount": len(found)}
