"""The part of GitHub's REST API that a replying machine user or app needs: https://docs.github.com/en/rest"""

from __future__ import annotations

import math
import time
from typing import Any

import msgspec
from aiohttp import web

from answerback.testing.standins.faults import Rule
from answerback.testing.standins.github import payloads
from answerback.testing.standins.github.comments import Comment, Comments, Kind, Repository, hidden_key
from answerback.testing.standins.github.credentials import Actor, Credentials, failure
from answerback.testing.standins.github.deliveries import Deliveries
from answerback.testing.standins.github.discussions import Discussions
from answerback.testing.standins.github.pages import by_id, page, since
from answerback.testing.standins.hooks import Hooks
from answerback.testing.standins.journal import Journal
from answerback.testing.standins.options import Options
from answerback.testing.standins.standin import Handler, Operation, Refusal, StandIn, answer
from answerback.testing.standins.values import moment

LONGEST = 65_536
"""Characters of a comment."""

INSTALLATION = 77
"""The app's installation in every repository; any other number is accepted as well."""


class Written(msgspec.Struct):
    """The body of a post."""

    body: str


def _wrong(text: str) -> dict[str, str]:
    return {"resource": "IssueComment", "code": "unprocessable", "field": "body", "message": text}


class GitHub(StandIn):
    """GitHub: every repository exists once it is named."""

    name = "github"

    def __init__(self, options: Options, journal: Journal, hooks: Hooks) -> None:
        self._options = options
        self._journal = journal
        self._hooks = hooks
        self._credentials = Credentials(options)
        self._comments = Comments([name for name in options.github_repositories.split(",") if name])
        self._discussions = Discussions(self._comments, self._credentials, self._store)
        self._deliveries = Deliveries(self._credentials, hooks)
        self._answered = 0

    def reset(self) -> None:
        self._comments.reset()
        self._credentials.reset()

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
            comments, review = f"{repo}/issues/{{number:\\d+}}/comments", f"{repo}/pulls/{{number:\\d+}}/comments"
            reply = f"{review}/{{comment:\\d+}}/replies"
            found += [
                Operation("GET", f"{repo}/installation", "apps/get-repo-installation", self._installation),
                Operation("POST", comments, "issues/create-comment", self._comment),
                Operation("GET", comments, "issues/list-comments", self._list("issue")),
                Operation("GET", review, "pulls/list-review-comments", self._list("review")),
                Operation("POST", reply, "pulls/create-reply-for-review-comment", self._reply),
            ]
        return found + self._discussions.operations() + self._deliveries.operations()

    def error(self, status: int, message: str) -> web.Response:
        return failure(status, message)

    def limited(self, rule: Rule, operation: str) -> web.Response:
        """https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api

        GraphQL says 200 and `errors` for the primary limit:
        https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
        """
        seconds = rule.pause(60)
        if rule.limit == "secondary":
            response = failure(429, "You have exceeded a secondary rate limit. Please wait a few minutes.")
            response.headers["Retry-After"] = str(math.ceil(seconds))
            return response
        text = f"API rate limit exceeded for user ID {self._options.github_user_id}."
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
            failure(422, "Validation Failed", errors=[_wrong(unknown)]),
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
        """Store a person's comment: number, body; optional kind, repo, id, parent, login, user_id, at (in seconds).

        Or a repository's new name: rename (the old one), to.
        """
        if "rename" in said:
            return payloads.repository(said["to"], self._comments.rename(said["rename"], said["to"]).id)
        kind: Kind = said.get("kind", "issue")
        author = Actor(said.get("login", "octocat"), said.get("user_id", 583231))
        repository = self._comments.repository(said.get("repo", "acme/widgets"))
        known = self._comments.find(kind, repository.id, said.get("id", 0))
        if known is not None:
            return known.json()
        where = kind, repository, int(said["number"]), author, str(said.get("body", ""))
        comment = self._comments.add(*where, parent=said.get("parent"), id=said.get("id"), at=said.get("at"))
        return comment.json()

    async def _user(self, request: web.Request) -> web.Response:
        actor = self._credentials.actor(request)
        if actor.app is not None:
            return failure(403, "Resource not accessible by integration")
        return answer(actor.user() | {"name": actor.login, "plan": {"name": "free"}})

    async def _app(self, request: web.Request) -> web.Response:
        return answer(self._credentials.app(request) | {"installations_count": 1})

    async def _token(self, request: web.Request) -> web.Response:
        app = self._credentials.app(request)
        token, expires = self._credentials.issue(int(request.match_info["installation"]))
        more = {"permissions": app["permissions"], "repository_selection": "all"}
        return answer({"token": token, "expires_at": moment(expires), **more}, 201)

    async def _installation(self, request: web.Request) -> web.Response:
        app = self._credentials.app(request)
        self._repository(request)
        return answer({"id": INSTALLATION, "app_id": app["id"], "app_slug": app["slug"], "target_type": "Organization"})

    async def _comment(self, request: web.Request) -> web.Response:
        actor = self._credentials.actor(request)
        number = int(request.match_info["number"])
        body = await self._written(request)
        return self._created(
            self._store("issues/create-comment", "issue", self._repository(request), number, actor, body, None)
        )

    async def _reply(self, request: web.Request) -> web.Response:
        """An unknown root is accepted: the code under test may have it from a webhook."""
        actor = self._credentials.actor(request)
        repository, number = self._repository(request), int(request.match_info["number"])
        root = int(request.match_info["comment"])
        known = self._comments.find("review", repository.id, root)
        if known is not None and known.parent is not None:
            raise Refusal(failure(422, "Validation Failed", errors=["Replies to replies are not supported"]))
        body = await self._written(request)
        operation = "pulls/create-reply-for-review-comment"
        return self._created(self._store(operation, "review", repository, number, actor, body, root))

    def _list(self, kind: Kind) -> Handler:
        async def handler(request: web.Request) -> web.Response:
            self._credentials.actor(request)
            repository = self._repository(request)
            found = since(request, list(self._comments.within(kind, repository, int(request.match_info["number"]))))
            if kind == "review" and request.query.get("sort") and request.query.get("direction", "desc") == "desc":
                found = found[::-1]
            return page(request, repository, found)

        return handler

    def _store(
        self,
        operation: str,
        kind: Kind,
        repository: Repository,
        number: int,
        actor: Actor,
        body: str,
        parent: int | None,
    ) -> Comment:
        comment = self._comments.add(kind, repository, number, actor, body, parent=parent)
        self._journal.posted(
            self.name,
            operation,
            id=str(comment.id),
            thread=comment.thread,
            body=body,
            key=hidden_key(body),
            who=actor.login,
            url=comment.json()["html_url"],
        )
        if self._hooks.url:
            self._hooks.emit(self.name, comment.webhook(self._options.github_secret))
        return comment

    def _repository(self, request: web.Request) -> Repository:
        where = request.match_info
        if "repository" in where:
            return self._comments.repository_by_id(int(where["repository"]))
        repository = self._comments.repository(f"{where['owner']}/{where['repo']}")
        if repository.moved:
            # https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
            url = request.url.with_path(by_id(request.path, repository)).with_query(request.query)
            response = failure(301 if request.method == "GET" else 307, "Moved Permanently", url=str(url))
            response.headers["Location"] = str(url)
            raise Refusal(response)
        return repository

    async def _written(self, request: web.Request) -> str:
        try:
            body = msgspec.json.decode(await request.read(), type=Written).body
        except msgspec.ValidationError:
            raise Refusal(failure(422, 'Invalid request.\n\n"body" wasn\'t supplied.')) from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Refusal(failure(400, "Problems parsing JSON")) from None
        if not body.strip():
            raise Refusal(failure(422, "Validation Failed", errors=[_wrong("Body cannot be blank")]))
        if len(body) > LONGEST:
            text = f"body is too long (maximum is {LONGEST} characters)"
            raise Refusal(failure(422, "Validation Failed", errors=[_wrong(text)]))
        return body

    def _created(self, comment: Comment) -> web.Response:
        found = comment.json()
        return answer(found, 201, {"Location": found["url"]})
