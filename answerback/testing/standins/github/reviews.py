"""Reviews of pull requests, with comments on lines: https://docs.github.com/en/rest/pulls/reviews"""

from __future__ import annotations

import re
from typing import Literal

import msgspec
from aiohttp import web

from answerback.testing.standins.github import posts
from answerback.testing.standins.github.attachments import Attachments
from answerback.testing.standins.github.comments import Line, hidden_key, webhook_of
from answerback.testing.standins.github.conversations import Conversation
from answerback.testing.standins.github.credentials import failure
from answerback.testing.standins.github.editing import checked_body
from answerback.testing.standins.github.pages import page
from answerback.testing.standins.github.world import World, invalid, read
from answerback.testing.standins.standin import Operation, Refusal, answer
from answerback.testing.standins.values import Json

_STATES = {"COMMENT": "commented", "APPROVE": "approved", "REQUEST_CHANGES": "changes_requested"}
_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


class _Inline(msgspec.Struct, kw_only=True):
    path: str
    body: str
    line: int | None = None
    side: Literal["LEFT", "RIGHT"] = "RIGHT"
    start_line: int | None = None
    start_side: Literal["LEFT", "RIGHT"] | None = None
    subject_type: Literal["line", "file"] = "line"
    commit_id: str | None = None


class _Review(msgspec.Struct):
    body: str | None = None
    event: Literal["COMMENT", "APPROVE", "REQUEST_CHANGES"] | None = None
    commit_id: str | None = None
    comments: list[_Inline] = []


def lines_of(patch: str) -> set[tuple[str, int]]:
    """Return the lines of a patch that can be commented on, each with its side."""
    found: set[tuple[str, int]] = set()
    left = right = 0
    for line in patch.splitlines():
        if match := _HUNK.match(line):
            left, right = int(match[1]), int(match[2])
            continue
        if line[:1] != "+":
            found.add(("LEFT", left))
            left += 1
        if line[:1] != "-":
            found.add(("RIGHT", right))
            right += 1
    return found


class Reviews:
    """Reviews, and single comments on lines."""

    def __init__(self, world: World, attachments: Attachments) -> None:
        self._world, self._attachments = world, attachments

    def operations(self, repo: str) -> list[Operation]:
        """Return the operations below a repository's path."""
        pull = f"{repo}/pulls/{{number:\\d+}}"
        one = f"{pull}/reviews/{{review:\\d+}}"
        return [
            Operation("POST", f"{pull}/reviews", "pulls/create-review", self._create),
            Operation("GET", f"{pull}/reviews", "pulls/list-reviews", self._list),
            Operation("GET", one, "pulls/get-review", self._get),
            Operation("PUT", one, "pulls/update-review", self._edit),
            Operation("GET", f"{one}/comments", "pulls/list-comments-for-review", self._comments),
            Operation("POST", f"{pull}/comments", "pulls/create-review-comment", self._comment),
        ]

    async def _create(self, request: web.Request) -> web.Response:
        world = self._world
        actor = world.credentials.actor(request)
        repository, number = world.repository(request), int(request.match_info["number"])
        asked = await read(request, _Review, "event")
        pull = world.open_conversation(repository, number, "pull_request")
        for inline in asked.comments:
            if wrong := _unresolved(pull, inline):
                raise invalid(wrong, message="Unprocessable Entity")
        if asked.event is None:
            raise ValueError("the stand-in has no pending reviews: name an event")
        if not (
            (asked.body or "").strip() or asked.event == "APPROVE" or (asked.event == "COMMENT" and asked.comments)
        ):
            raise invalid("Body can't be blank", message="Unprocessable Entity")
        if asked.event != "COMMENT" and pull.author.id == actor.id:
            raise invalid("Can not approve your own pull request", message="Unprocessable Entity")
        if asked.commit_id is not None and len(asked.commit_id) != 40:
            raise invalid("Commit is not part of the pull request", message="Unprocessable Entity")
        world.count_content()
        body = checked_body(asked.body) if asked.body else ""
        where = repository.full_name, repository.id, number, world.comments.next_id(), actor.user(), body
        review = posts.review(*where, state=_STATES[asked.event], commit=asked.commit_id or pull.state.head)
        world.reviews.append(review | {"number": number, "repository": repository.id})
        url, id = review["html_url"], review["id"]
        operation, thread = "pulls/create-review", f"{repository.full_name}#{number}"
        world.record(operation, str(id), thread, body, hidden_key(body), actor, url)
        if world.hooks.url:
            hook = webhook_of(actor, repository, world.options.github_secret)
            world.emit(hook.review(body, number=number, review=id, state=review["state"]))
        for inline in asked.comments:
            line = Line(path=inline.path, line=inline.line or 1, start=inline.start_line, side=inline.side, review=id)
            comment = world.comments.add("review", repository, number, actor, inline.body, line=line)
            world.emit_comment(comment, "created")
        return answer(_shown(review))

    async def _comment(self, request: web.Request) -> web.Response:
        world = self._world
        actor = world.credentials.actor(request)
        repository, number = world.repository(request), int(request.match_info["number"])
        asked = await read(request, _Inline, "body")
        pull = world.open_conversation(repository, number, "pull_request")
        body = checked_body(asked.body)
        if _unresolved(pull, asked):
            detail = {
                "resource": "PullRequestReviewComment",
                "code": "custom",
                "field": "pull_request_review_thread.line",
            }
            raise invalid(detail | {"message": "pull_request_review_thread.line must be part of the diff"})
        line = Line(path=asked.path, line=asked.line or 1, start=asked.start_line, side=asked.side)
        operation = "pulls/create-review-comment"
        comment = world.store(operation, "review", repository, number, actor, body, None, line)
        return answer(world.comment_json(comment), 201)

    async def _list(self, request: web.Request) -> web.Response:
        self._world.credentials.actor(request)
        repository, number = self._world.repository(request), int(request.match_info["number"])
        return page(request, repository, [_shown(one) for one in self._of(repository.id, number)])

    async def _get(self, request: web.Request) -> web.Response:
        actor = self._world.credentials.actor(request)
        repository = self._world.repository(request)
        return answer(self._attachments.rendered(request, repository, actor, _shown(self._one(request))))

    async def _edit(self, request: web.Request) -> web.Response:
        """Only the summary can be changed, and no webhook says `edited` unless it did."""
        world = self._world
        actor = world.credentials.actor(request)
        review = self._one(request)
        if review["user"]["id"] != actor.id:
            raise Refusal(failure(403, "You cannot edit this review."))
        body = checked_body((await read(request, _Review, "body")).body or "")
        world.count_content()
        before, review["body"] = review["body"], body
        world.journal.edited("github", str(review["id"]), body)
        if world.hooks.url:
            hook = webhook_of(actor, world.repository(request), world.options.github_secret)
            number, id, state = review["number"], review["id"], review["state"]
            world.emit(hook.review(body, number=number, review=id, state=state, action="edited", before=before))
        return answer(_shown(review))

    async def _comments(self, request: web.Request) -> web.Response:
        self._world.credentials.actor(request)
        review, repository = self._one(request), self._world.repository(request)
        within = self._world.comments.within("review", repository, review["number"])
        found = [self._world.comment_json(one) for one in within if one.line.review == review["id"]]
        return page(request, repository, found)

    def _of(self, repository: int, number: int) -> list[Json]:
        return [one for one in self._world.reviews if (one["repository"], one["number"]) == (repository, number)]

    def _one(self, request: web.Request) -> Json:
        repository, number = self._world.repository(request), int(request.match_info["number"])
        for review in self._of(repository.id, number):
            if review["id"] == int(request.match_info["review"]):
                return review
        raise Refusal(failure(404, "Not Found"))


def _unresolved(pull: Conversation, inline: _Inline) -> str:
    """Return why a comment is not about something in the diff; "" if it is."""
    if inline.path not in pull.patches:
        return "Path could not be resolved"
    if inline.subject_type == "file":
        return ""
    known = lines_of(pull.patches[inline.path])
    if inline.line is None or (inline.side, inline.line) not in known:
        return "Line could not be resolved"
    if inline.start_line is None:
        return ""
    if (inline.start_side or inline.side, inline.start_line) not in known or inline.start_line >= inline.line:
        return "Start line could not be resolved"
    return ""


def _shown(review: Json) -> Json:
    """Return a review as the REST API shows it, whose states are in capitals."""
    found = {name: value for name, value in review.items() if name not in ("number", "repository")}
    return found | {"state": review["state"].upper()}
