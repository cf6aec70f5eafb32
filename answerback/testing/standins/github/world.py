"""What exists on the stand-in's GitHub, and what each change of it causes: a record for the test, and a webhook."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from answerback.testing.standins.github import payloads
from answerback.testing.standins.github.comments import (
    Comment,
    Comments,
    Kind,
    Line,
    Repository,
    hidden_key,
    webhook_of,
)
from answerback.testing.standins.github.conversations import SOMEBODY, Conversation, Reaction, SubjectKind
from answerback.testing.standins.github.credentials import Actor, Credentials, failure
from answerback.testing.standins.github.pages import by_id
from answerback.testing.standins.hooks import Hooks
from answerback.testing.standins.journal import Journal
from answerback.testing.standins.options import Options
from answerback.testing.standins.signatures import Delivery
from answerback.testing.standins.standin import Refusal
from answerback.testing.standins.values import Json

T = TypeVar("T")


class World:
    """Everything that exists. Every issue exists once it is named."""

    def __init__(self, options: Options, journal: Journal, hooks: Hooks) -> None:
        self.options, self.journal, self.hooks = options, journal, hooks
        self.credentials = Credentials(options)
        self.comments = Comments([name for name in options.github_repositories.split(",") if name])
        self.reset()

    def reset(self) -> None:
        """Delete everything."""
        self.comments.reset()
        self.credentials.reset()
        self.conversations: dict[tuple[int, int], Conversation] = {}
        self.reactions: list[Reaction] = []
        self.reviews: list[Json] = []
        self.runs: dict[int, Json] = {}
        self.private: set[int] = set()
        self._written: deque[float] = deque()

    def conversation(self, repository: Repository, number: int, kind: SubjectKind = "issue") -> Conversation:
        """Return an issue, a pull request or a discussion by its number."""
        found = self.conversations.get((repository.id, number))
        if found is None:
            title = f"{kind} {number}"
            found = Conversation(kind, repository, number, title, "It squeaks.", SOMEBODY, time.time())
            self.conversations[repository.id, number] = found
        return found

    def open_conversation(self, repository: Repository, number: int, kind: SubjectKind = "issue") -> Conversation:
        """Return what is to be commented on. Raises `Refusal` if that is not possible."""
        found = self.conversation(repository, number, kind)
        if found.deleted:
            raise Refusal(failure(410, "This issue was deleted"))
        if found.moved:
            raise Refusal(failure(404, "Not Found"))
        if found.state.locked:
            raise Refusal(failure(403, "Unable to create comment because issue is locked."))
        return found

    def change(self, conversation: Conversation, actor: Actor, action: str, **what: Any) -> None:
        """Change the state of an issue, a pull request or a discussion, and send the webhook of it."""
        hook = webhook_of(actor, conversation.repository, self.options.github_secret)
        about = {"number": conversation.number, "title": conversation.title, "state": conversation.state, **what}
        who, label = what.get("who", ("", 0, "User")), what.get("label", "")
        conversation.state, _ = hook.changed(action, conversation.state, who, label)
        if action == "closed":
            conversation.state = replace(conversation.state, merged=bool(what.get("merged")))
        if action == "transferred":
            conversation.moved = what["to"]
        if action == "deleted":
            conversation.deleted = True
        if action == "synchronize":
            conversation.state = replace(conversation.state, head="c" * 40)
        make: dict[SubjectKind, Callable[..., Delivery]] = {
            "issue": hook.issue_changed,
            "pull_request": hook.pull_request_changed,
            "discussion": hook.discussion_changed,
        }
        self.emit(make[conversation.kind](action, **about))

    def store(
        self, operation: str, kind: Kind, repository: Repository, number: int, actor: Actor, body: str,
        parent: int | None, line: Line | None = None,
    ) -> Comment:  # fmt: skip
        """Store a comment."""
        self.count_content()
        comment = self.comments.add(kind, repository, number, actor, body, parent=parent, line=line)
        self.record(
            operation, str(comment.id), comment.thread, body, hidden_key(body), actor, comment.json()["html_url"]
        )
        self.emit_comment(comment, "created")
        return comment

    def record(self, operation: str, id: str, thread: str, body: str, key: str, actor: Actor, url: str) -> None:
        """Record a message for the test."""
        self.journal.posted("github", operation, id=id, thread=thread, body=body, key=key, who=actor.login, url=url)

    def edit(self, comment: Comment, actor: Actor, body: str) -> None:
        """Change a comment's text."""
        self.count_content()
        before, comment.body, comment.edited = comment.body, body, time.time()
        self.journal.edited("github", str(comment.id), body)
        self.emit_comment(comment, "edited", by=actor, before=before)

    def delete(self, comment: Comment, actor: Actor) -> None:
        """Delete a comment."""
        self.comments.remove(comment)
        self.journal.deleted("github", str(comment.id))
        self.emit_comment(comment, "deleted", by=actor)

    def emit_comment(self, comment: Comment, action: str, *, by: Actor | None = None, before: str = "") -> None:
        """Send the webhook about a comment."""
        if self.hooks.url:
            self.emit(comment.webhook(self.options.github_secret, action, by=by, before=before))

    def emit(self, delivery: Delivery) -> None:
        """Send a webhook."""
        self.hooks.emit("github", delivery)

    def count_content(self) -> None:
        """Count something that is written. Raises `Refusal` above the limit of a minute.

        https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
        """
        limit = self.options.github_content_per_minute
        now = time.time()
        while self._written and self._written[0] <= now - 60:
            self._written.popleft()
        if limit and len(self._written) >= limit:
            raise Refusal(failure(403, BLOCKED))
        self._written.append(now)

    def react(self, subject: str, actor: Actor, content: str) -> tuple[Reaction, bool]:
        """Return the account's reaction, and whether it is new."""
        for known in self.reactions:
            if (known.subject, known.author.id, known.content) == (subject, actor.id, content):
                return known, False
        reaction = Reaction(self.comments.next_id(), subject, actor, content, time.time())
        self.reactions.append(reaction)
        return reaction, True

    def counts(self, subject: str) -> Counter[str]:
        """Return how often each reaction was given."""
        return Counter(one.content for one in self.reactions if one.subject == subject)

    def comment_json(self, comment: Comment) -> Json:
        """Return a comment with its reactions."""
        return comment.json(self.counts(comment.node))

    def repository(self, request: web.Request) -> Repository:
        """Return the repository that a request names. Raises `Refusal`, a redirect, for a former name."""
        where = request.match_info
        if "repository" in where:
            return self.comments.repository_by_id(int(where["repository"]))
        repository = self.comments.repository(f"{where['owner']}/{where['repo']}")
        if repository.moved:
            # https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
            url = request.url.with_path(by_id(request.path, repository)).with_query(request.query)
            response = failure(301 if request.method == "GET" else 307, "Moved Permanently", url=str(url))
            response.headers["Location"] = str(url)
            raise Refusal(response)
        return repository

    def repository_json(self, repository: Repository) -> Json:
        """Return a repository."""
        return payloads.repository(repository.full_name, repository.id, private=repository.id in self.private)


BLOCKED = (
    "You have exceeded a secondary rate limit and have been temporarily blocked from content creation. "
    "Please retry your request again later."
)


async def read(request: web.Request, kind: type[T], missing: str) -> T:
    """Read a request's body. Raises `Refusal`; `missing`: the field that a wrong body lacks."""
    try:
        return msgspec.json.decode(await request.read() or b"{}", type=kind)
    except msgspec.ValidationError:
        raise Refusal(failure(422, f'Invalid request.\n\n"{missing}" wasn\'t supplied.')) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refusal(failure(400, "Problems parsing JSON")) from None


def invalid(*errors: object, message: str = "Validation Failed") -> Refusal:
    """Return the refusal of an invalid request."""
    return Refusal(failure(422, message, errors=list(errors)))
