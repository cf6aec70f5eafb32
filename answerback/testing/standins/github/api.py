"""The part of GitHub's API that an app or a machine user needs: https://docs.github.com/en/rest"""

from __future__ import annotations

import math
import time
from typing import Any, Protocol

from aiohttp import web

from answerback.testing.standins.faults import Rule
from answerback.testing.standins.github import payloads
from answerback.testing.standins.github.attachments import Attachments
from answerback.testing.standins.github.checks import Checks
from answerback.testing.standins.github.comments import Comment
from answerback.testing.standins.github.credentials import failure
from answerback.testing.standins.github.deliveries import Deliveries
from answerback.testing.standins.github.discussions import Discussions
from answerback.testing.standins.github.editing import LONGEST, Editing, body_of, wrong
from answerback.testing.standins.github.reactions import Reactions
from answerback.testing.standins.github.reading import Accounts, Subjects
from answerback.testing.standins.github.reviews import Reviews
from answerback.testing.standins.github.seeding import Seeding
from answerback.testing.standins.github.world import BLOCKED, World, invalid
from answerback.testing.standins.hooks import Hooks
from answerback.testing.standins.journal import Journal
from answerback.testing.standins.options import Options
from answerback.testing.standins.standin import Operation, StandIn, answer
from answerback.testing.standins.values import moment

__all__ = ["LONGEST", "GitHub"]


class Area(Protocol):
    """A part of the API, below a repository's path."""

    def operations(self, repo: str) -> list[Operation]:
        """Return its operations."""
        ...


class GitHub(StandIn):
    """GitHub: every repository exists once it is named."""

    name = "github"

    def __init__(self, options: Options, journal: Journal, hooks: Hooks) -> None:
        self._world = world = World(options, journal, hooks)
        self._attachments = Attachments(world)
        self._discussions = Discussions(world, self._attachments)
        self._deliveries = Deliveries(world.credentials, hooks)
        self._accounts = Accounts(world)
        self._seeding = Seeding(world, self._attachments)
        self._areas: list[Area] = [
            Editing(world, self._attachments),
            Reactions(world),
            Reviews(world, self._attachments),
            Checks(world),
            Subjects(world, self._attachments),
        ]
        self._answered = 0

    def reset(self) -> None:
        self._world.reset()
        self._attachments.reset()

    def operations(self) -> list[Operation]:
        found = [
            Operation("GET", "/user", "users/get-authenticated", self._user),
            Operation("GET", "/app", "apps/get-authenticated", self._app),
            Operation(
                "POST",
                "/app/installations/{installation:\\d+}/access_tokens",
                "apps/create-installation-access-token",
                self._token,
            ),
        ]
        # Also by id, as GitHub's own links and redirects name a repository, because its name may change.
        for repo in ("/repos/{owner}/{repo}", "/repositories/{repository:\\d+}"):
            comments = f"{repo}/issues/{{number:\\d+}}/comments"
            reply = f"{repo}/pulls/{{number:\\d+}}/comments/{{comment:\\d+}}/replies"
            found += [
                Operation("GET", f"{repo}/installation", "apps/get-repo-installation", self._installation),
                Operation("POST", comments, "issues/create-comment", self._comment),
                Operation("POST", reply, "pulls/create-reply-for-review-comment", self._reply),
            ]
            for area in self._areas:
                found += area.operations(repo)
        found += self._accounts.operations() + self._attachments.operations()
        return found + self._discussions.operations() + self._deliveries.operations()

    def error(self, status: int, message: str) -> web.Response:
        return failure(status, message)

    def limited(self, rule: Rule, operation: str) -> web.Response:
        """https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api

        GraphQL says 200 and `errors` for the primary limit:
        https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
        """
        seconds = rule.pause(60)
        if rule.limit == "content":
            return failure(403, BLOCKED)
        if rule.limit == "secondary":
            response = failure(429, "You have exceeded a secondary rate limit. Please wait a few minutes.")
            response.headers["Retry-After"] = str(math.ceil(seconds))
            return response
        text = f"API rate limit exceeded for user ID {self._world.options.github_user_id}."
        spent = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(math.ceil(time.time() + seconds))}
        if operation.startswith("graphql/"):
            return answer({"errors": [{"type": "RATE_LIMITED", "message": text}]}, 200, spent)
        response = failure(403, text)
        response.headers.update(spent)
        return response

    def passing(self, operation: str) -> list[web.Response]:
        """https://github.com/octokit/octokit.js/issues/900, https://github.com/octokit/auth-app.js/issues/65"""
        unknown = "Could not resolve to a node with the global id of 'I_kwDO7'."
        if operation.startswith("graphql/"):
            return [answer({"data": None, "errors": [{"type": "NOT_FOUND", "message": unknown}]})]
        return [
            failure(404, "Not Found"),
            failure(422, "Validation Failed", errors=[wrong(unknown)]),
            failure(401, "Bad credentials"),
        ]

    def dress(self, response: web.StreamResponse) -> None:
        self._answered += 1
        limits = {"limit": 5000, "remaining": 4999, "reset": int(time.time()) + 3600, "used": 1}
        for name, value in limits.items():
            response.headers.setdefault(f"x-ratelimit-{name}", str(value))
        response.headers.setdefault("x-github-request-id", f"C0DE:{self._answered:08X}")
        response.headers.setdefault("x-github-media-type", "github.v3; format=json")

    def seed(self, said: dict[str, Any]) -> dict[str, Any]:
        return self._seeding.seed(said)

    async def _user(self, request: web.Request) -> web.Response:
        actor = self._world.credentials.actor(request)
        if actor.app is not None:
            return failure(403, "Resource not accessible by integration")
        return answer(payloads.profile(actor.login, actor.id, actor.type))

    async def _app(self, request: web.Request) -> web.Response:
        return answer(self._world.credentials.app(request) | {"installations_count": 1})

    async def _token(self, request: web.Request) -> web.Response:
        app = self._world.credentials.app(request)
        token, expires = self._world.credentials.issue(int(request.match_info["installation"]))
        more = {"permissions": app["permissions"], "repository_selection": "all"}
        return answer({"token": token, "expires_at": moment(expires), **more}, 201)

    async def _installation(self, request: web.Request) -> web.Response:
        app = self._world.credentials.app(request)
        self._world.repository(request)
        self._world.credentials.check(payloads.INSTALLATION, unknown=404)
        return answer(payloads.installation(payloads.INSTALLATION, app["id"], app["slug"]))

    async def _comment(self, request: web.Request) -> web.Response:
        actor = self._world.credentials.actor(request)
        repository, number = self._world.repository(request), int(request.match_info["number"])
        body = await body_of(request)
        self._world.open_conversation(repository, number)
        return self._created(self._world.store("issues/create-comment", "issue", repository, number, actor, body, None))

    async def _reply(self, request: web.Request) -> web.Response:
        """An unknown root is accepted: the code under test may have it from a webhook."""
        world = self._world
        actor = world.credentials.actor(request)
        repository, number = world.repository(request), int(request.match_info["number"])
        root = int(request.match_info["comment"])
        known = world.comments.find("review", repository.id, root)
        if known is not None and known.parent is not None:
            raise invalid("Replies to replies are not supported")
        if world.comments.is_deleted("review", repository.id, root):
            return failure(404, "Not Found")
        body = await body_of(request)
        world.open_conversation(repository, number, "pull_request")
        operation = "pulls/create-reply-for-review-comment"
        return self._created(world.store(operation, "review", repository, number, actor, body, root))

    def _created(self, comment: Comment) -> web.Response:
        found = comment.json()
        return answer(found, 201, {"Location": found["url"]})
