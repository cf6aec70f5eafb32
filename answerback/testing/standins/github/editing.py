"""Read, edit and delete comments: https://docs.github.com/en/rest/issues/comments and .../rest/pulls/comments"""

from __future__ import annotations

import msgspec
from aiohttp import web

from answerback.testing.standins.github.attachments import Attachments
from answerback.testing.standins.github.comments import Comment, Kind, Repository
from answerback.testing.standins.github.credentials import failure
from answerback.testing.standins.github.pages import page, since
from answerback.testing.standins.github.world import World, invalid, read
from answerback.testing.standins.standin import Handler, Operation, Refusal, answer

LONGEST = 65_536
"""Characters of a comment."""


class Written(msgspec.Struct):
    """The body of a post."""

    body: str


def wrong(text: str) -> dict[str, str]:
    """Return the error of a body."""
    return {"resource": "IssueComment", "code": "unprocessable", "field": "body", "message": text}


async def body_of(request: web.Request) -> str:
    """Return the text of a request. Raises `Refusal`."""
    return checked_body((await read(request, Written, "body")).body)


def checked_body(body: str) -> str:
    """Return a text. Raises `Refusal` for one that is empty or too long."""
    if not body.strip():
        raise invalid(wrong("Body cannot be blank"))
    if len(body) > LONGEST:
        raise invalid(wrong(f"body is too long (maximum is {LONGEST} characters)"))
    return body


class Editing:
    """Comments by their ids, and the lists of them."""

    def __init__(self, world: World, attachments: Attachments) -> None:
        self._world, self._attachments = world, attachments

    def operations(self, repo: str) -> list[Operation]:
        """Return the operations below a repository's path."""
        found = []
        kinds: tuple[tuple[Kind, str, str], ...] = ("issue", "issues", "comment"), ("review", "pulls", "review-comment")
        for kind, area, name in kinds:
            one, many = f"{repo}/{area}/comments/{{comment:\\d+}}", f"{repo}/{area}/{{number:\\d+}}/comments"
            found += [
                Operation("GET", one, f"{area}/get-{name}", self._get(kind)),
                Operation("PATCH", one, f"{area}/update-{name}", self._edit(kind)),
                Operation("DELETE", one, f"{area}/delete-{name}", self._delete(kind)),
                Operation("GET", many, f"{area}/list-{name}s", self._list(kind)),
            ]
        return found

    def _get(self, kind: Kind) -> Handler:
        async def handler(request: web.Request) -> web.Response:
            actor = self._world.credentials.actor(request)
            comment = self._comment(request, kind)
            found = self._world.comment_json(comment)
            return answer(self._attachments.rendered(request, comment.repository, actor, found))

        return handler

    def _edit(self, kind: Kind) -> Handler:
        async def handler(request: web.Request) -> web.Response:
            actor = self._world.credentials.actor(request)
            comment = self._comment(request, kind)
            body = await body_of(request)
            if comment.author.id != actor.id:
                raise Refusal(failure(403, "You cannot edit this comment."))
            self._world.edit(comment, actor, body)
            return answer(self._world.comment_json(comment))

        return handler

    def _delete(self, kind: Kind) -> Handler:
        async def handler(request: web.Request) -> web.Response:
            actor = self._world.credentials.actor(request)
            comment = self._comment(request, kind)
            if comment.author.id != actor.id:
                raise Refusal(failure(403, "Must have admin rights to Repository."))
            self._world.delete(comment, actor)
            return web.Response(status=204)

        return handler

    def _list(self, kind: Kind) -> Handler:
        async def handler(request: web.Request) -> web.Response:
            world = self._world
            actor = world.credentials.actor(request)
            repository = world.repository(request)
            number = int(request.match_info["number"])
            if kind == "issue" and world.conversation(repository, number).deleted:
                raise Refusal(failure(410, "This issue was deleted"))
            found = since(request, list(world.comments.within(kind, repository, number)))
            if kind == "review" and request.query.get("sort") and request.query.get("direction", "desc") == "desc":
                found = found[::-1]
            shown = [self._attachments.rendered(request, repository, actor, world.comment_json(one)) for one in found]
            return page(request, repository, shown)

        return handler

    def _comment(self, request: web.Request, kind: Kind) -> Comment:
        repository: Repository = self._world.repository(request)
        found = self._world.comments.find(kind, repository.id, int(request.match_info["comment"]))
        if found is None:
            raise Refusal(failure(404, "Not Found"))
        return found
