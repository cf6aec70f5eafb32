"""GitHub's objects as GraphQL shows them to one caller."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import msgspec
from aiohttp import web

from answerback.testing.standins.github.attachments import Attachments
from answerback.testing.standins.github.comments import Comment, Repository
from answerback.testing.standins.github.connections import connection, windowed
from answerback.testing.standins.github.conversations import SOMEBODY, Reaction
from answerback.testing.standins.github.credentials import Actor
from answerback.testing.standins.github.graphql import GraphQLError, Object
from answerback.testing.standins.github.nodes import node_id, node_ids
from answerback.testing.standins.github.payloads import DISCUSSIONS, REACTIONS, WEB
from answerback.testing.standins.github.world import World
from answerback.testing.standins.standin import Refusal
from answerback.testing.standins.values import Json, moment

CONTENTS = dict(
    zip(REACTIONS, ("THUMBS_UP", "THUMBS_DOWN", "LAUGH", "CONFUSED", "HEART", "HOORAY", "ROCKET", "EYES"), strict=True)
)
"""A reaction's name in REST → in GraphQL."""

COMMENTED = {
    "I": "Issue",
    "PR": "PullRequest",
    "IC": "IssueComment",
    "PRRC": "PullRequestReviewComment",
    "PRR": "PullRequestReview",
}
"""Kinds of node ids besides discussions and their comments → the type of the object."""


class Objects:
    """Discussions with their comments. Each exists once it is named."""

    def __init__(self, world: World, attachments: Attachments, request: web.Request, actor: Actor) -> None:
        self.world, self.actor = world, actor
        self._attachments, self._request = attachments, request

    def queries(self) -> Object:
        """Return the fields of a query."""

        def repository(owner: str, name: str) -> Object:
            found = self.world.comments.repository(f"{owner}/{name}")
            return self.repository(found) | {"discussion": lambda number: self.discussion(found, int(number))}

        def node(id: str) -> Object:
            kind, repository, number = self.resolve(id)
            if kind == "D":
                return self.discussion(repository, number - DISCUSSIONS)
            return self.comment(self.known(repository, number) or self._unseen(repository, 0, number))

        return {"__typename": "Query", "viewer": author(self.actor), "repository": repository, "node": node}

    def resolve(self, node: str, *also: str) -> tuple[str, Repository, int]:
        """Return what a node id stands for. Raises `GraphQLError`. `also`: kinds besides those of discussions."""
        try:
            kind, ids = node_ids(node)
        except ValueError:
            raise unresolved(node) from None
        if kind not in ("D", "DC", *also) or len(ids) != 2:
            raise unresolved(node)
        repository = self.world.comments.repository_by_id(ids[0])
        if kind == "DC" and self.world.comments.is_deleted("discussion", repository.id, ids[1]):
            raise unresolved(node)
        return kind, repository, ids[1]

    def known(self, repository: Repository, id: int) -> Comment | None:
        """Return a comment of a discussion."""
        return self.world.comments.find("discussion", repository.id, id)

    def repository(self, repository: Repository) -> Json:
        """Return a repository."""
        name = {"nameWithOwner": repository.full_name, "databaseId": repository.id, "id": node_id("R", repository.id)}
        return {"__typename": "Repository", "__interfaces": ["Node"], **name}

    def discussion(self, repository: Repository, number: int) -> Object:
        """Return a discussion."""

        def comments(**window: Any) -> Object:
            within = self.world.comments.within("discussion", repository, number)
            return connection([self.comment(one) for one in within if one.parent is None], "comments", window)

        id = node_id("D", repository.id, DISCUSSIONS + number)
        found = self.world.conversation(repository, number, "discussion")
        return {
            "__typename": "Discussion",
            "__interfaces": ["Node", "Comment", "Reactable"],
            "id": id,
            "databaseId": DISCUSSIONS + number,
            "number": number,
            "title": found.title,
            "body": found.body,
            "bodyHTML": self._attachments.html(self._request, found.body),
            "createdAt": moment(found.at),
            "locked": found.state.locked,
            "author": author(found.author),
            "url": f"{WEB}/{repository.full_name}/discussions/{number}",
            "repository": self.repository(repository),
            "comments": windowed(comments),
            **self._reactions(id),
        }

    def comment(self, comment: Comment) -> Object:
        """Return a comment of a discussion."""

        def replies(**window: Any) -> Object:
            around = self.world.comments.within("discussion", comment.repository, comment.number)
            return connection([self.comment(one) for one in around if one.parent == comment.id], "replies", window)

        def reply_to() -> Object | None:
            if comment.parent is None:
                return None
            known = self.known(comment.repository, comment.parent)
            return self.comment(known or self._unseen(comment.repository, comment.number, comment.parent))

        changed = comment.edited or comment.at
        return {
            "__typename": "DiscussionComment",
            "__interfaces": ["Node", "Comment", "Reactable", "Minimizable"],
            "id": comment.node,
            "databaseId": comment.id,
            "fullDatabaseId": str(comment.id),
            "body": comment.body,
            "bodyHTML": self._attachments.html(self._request, comment.body),
            "url": comment.json()["html_url"],
            "createdAt": moment(comment.at),
            "updatedAt": moment(changed),
            "publishedAt": moment(comment.at),
            "lastEditedAt": None if comment.edited is None else moment(comment.edited),
            "isMinimized": bool(comment.minimized),
            "minimizedReason": comment.minimized or None,
            "viewerDidAuthor": comment.author.id == self.actor.id,
            "author": author(comment.author),
            "replyTo": reply_to,
            "discussion": lambda: self.discussion(comment.repository, comment.number),
            "replies": windowed(replies),
            **self._reactions(comment.node),
        }

    def reaction(self, reaction: Reaction) -> Object:
        """Return a reaction."""
        return {
            "__typename": "Reaction",
            "__interfaces": ["Node"],
            "id": node_id("REA", reaction.id, reaction.id),
            "databaseId": reaction.id,
            "content": CONTENTS[reaction.content],
            "createdAt": moment(reaction.at),
            "user": author(reaction.author),
        }

    def reactable(self, node: str) -> Object:
        """Return what can be reacted to, by its node id. Raises `GraphQLError`."""
        kind, repository, number = self.resolve(node, *COMMENTED)
        if kind == "D":
            return self.discussion(repository, number - DISCUSSIONS)
        if kind == "DC":
            return self.comment(self.known(repository, number) or self._unseen(repository, 0, number))
        found = {"__typename": COMMENTED[kind], "__interfaces": ["Node", "Reactable", "Minimizable"], "id": node}
        return found | self._reactions(node)

    def _reactions(self, node: str) -> Json:
        given = [one for one in self.world.reactions if one.subject == node]

        def groups() -> list[Object]:
            counts, ours = Counter(one.content for one in given), {o.content for o in given if o.author == self.actor}
            return [
                {
                    "__typename": "ReactionGroup",
                    "content": name,
                    "viewerHasReacted": content in ours,
                    "reactors": windowed(lambda content=content, **_: _reactors(counts[content])),
                }
                for content, name in CONTENTS.items()
            ]

        def listed(**window: Any) -> Object:
            return connection([self.reaction(one) for one in given], "reactions", window)

        return {"reactionGroups": groups, "reactions": windowed(listed), "viewerCanReact": True}

    def _unseen(self, repository: Repository, number: int, id: int) -> Comment:
        """Return a comment that is known only to the code under test, from a webhook."""
        return Comment("discussion", repository, number, id, SOMEBODY, "", time.time())


def unresolved(node: str) -> GraphQLError:
    """Return the error of an id that stands for nothing."""
    return GraphQLError(f"Could not resolve to a node with the global id of '{node}'", "NOT_FOUND")


def author(actor: Actor) -> Object:
    """Return an account as the author of something."""
    login = actor.login.removesuffix("[bot]")  # GraphQL shows an app's login without its suffix.
    found = {"__typename": actor.type, "__interfaces": ["Actor", "Node"], "login": login, "databaseId": actor.id}
    return found | {"id": actor.user()["node_id"], "url": actor.user()["html_url"], "resourcePath": f"/{login}"}


def _reactors(count: int) -> Object:
    return {"__typename": "ReactorConnection", "totalCount": count}


def refused(refusal: Refusal) -> GraphQLError:
    """Return the refusal of the REST API as an error of GraphQL."""
    body: Any = msgspec.json.decode(refusal.response.body or b"{}")  # type: ignore[arg-type]
    return GraphQLError(body.get("message", "refused"), "FORBIDDEN")
