"""Reactions to issues and comments: https://docs.github.com/en/rest/reactions/reactions"""

from __future__ import annotations

import msgspec
from aiohttp import web

from answerback.testing.standins.github.comments import Repository
from answerback.testing.standins.github.conversations import Reaction
from answerback.testing.standins.github.credentials import failure
from answerback.testing.standins.github.nodes import node_id
from answerback.testing.standins.github.pages import page
from answerback.testing.standins.github.payloads import REACTIONS
from answerback.testing.standins.github.world import World, invalid, read
from answerback.testing.standins.standin import Handler, Operation, Refusal, answer
from answerback.testing.standins.values import Json, moment

_SUBJECTS = {
    "issue": ("issues/{number:\\d+}", "I"),
    "issue-comment": ("issues/comments/{number:\\d+}", "IC"),
    "pull-request-review-comment": ("pulls/comments/{number:\\d+}", "PRRC"),
}
"""What reactions are given to → its path, and the kind of its node id."""


class _Given(msgspec.Struct):
    content: str


class Reactions:
    """Reactions by REST; GraphQL has those to discussions."""

    def __init__(self, world: World) -> None:
        self._world = world

    def operations(self, repo: str) -> list[Operation]:
        """Return the operations below a repository's path."""
        found = []
        for name, (path, _) in _SUBJECTS.items():
            where = f"{repo}/{path}/reactions"
            deletion = "delete-for-issue" if name == "issue" else f"delete-for-{name.removesuffix('-review-comment')}"
            deletion += "-comment" if name == "pull-request-review-comment" else ""
            found += [
                Operation("POST", where, f"reactions/create-for-{name}", self._create(name)),
                Operation("GET", where, f"reactions/list-for-{name}", self._list(name)),
                Operation("DELETE", f"{where}/{{reaction:\\d+}}", f"reactions/{deletion}", self._delete(name)),
            ]
        return found

    def _create(self, name: str) -> Handler:
        async def handler(request: web.Request) -> web.Response:
            actor = self._world.credentials.actor(request)
            subject = self._subject(request, self._world.repository(request), name)
            content = (await read(request, _Given, "content")).content
            if content not in REACTIONS:
                raise invalid({"resource": "Reaction", "field": "content", "code": "invalid"})
            reaction, new = self._world.react(subject, actor, content)
            return answer(_json(reaction), 201 if new else 200)

        return handler

    def _list(self, name: str) -> Handler:
        async def handler(request: web.Request) -> web.Response:
            self._world.credentials.actor(request)
            repository = self._world.repository(request)
            subject, content = self._subject(request, repository, name), request.query.get("content")
            found = [one for one in self._world.reactions if one.subject == subject]
            return page(request, repository, [_json(one) for one in found if content in (None, one.content)])

        return handler

    def _delete(self, name: str) -> Handler:
        async def handler(request: web.Request) -> web.Response:
            actor = self._world.credentials.actor(request)
            subject = self._subject(request, self._world.repository(request), name)
            id = int(request.match_info["reaction"])
            for one in self._world.reactions:
                if (one.id, one.subject, one.author.id) == (id, subject, actor.id):
                    self._world.reactions.remove(one)
                    return web.Response(status=204)
            raise Refusal(failure(404, "Not Found"))

        return handler

    def _subject(self, request: web.Request, repository: Repository, name: str) -> str:
        """Return the node id of what is reacted to. A comment of which only a webhook told is there, too."""
        number = int(request.match_info["number"])
        if name == "issue":
            conversation = self._world.conversation(repository, number)
            if conversation.deleted:
                raise Refusal(failure(410, "This issue was deleted"))
            number += 2_000_000
        elif self._world.comments.is_deleted("issue" if name == "issue-comment" else "review", repository.id, number):
            raise Refusal(failure(404, "Not Found"))
        return node_id(_SUBJECTS[name][1], repository.id, number)


def _json(reaction: Reaction) -> Json:
    return {
        "id": reaction.id,
        "node_id": node_id("REA", reaction.id, reaction.id),
        "user": reaction.author.user(),
        "content": reaction.content,
        "created_at": moment(reaction.at),
    }
