"""Check runs, which only apps can make: https://docs.github.com/en/rest/checks/runs"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from aiohttp import web

from answerback.testing.standins.github import posts
from answerback.testing.standins.github.comments import Repository, webhook_of
from answerback.testing.standins.github.credentials import Actor, failure
from answerback.testing.standins.github.pages import page
from answerback.testing.standins.github.world import World, invalid, read
from answerback.testing.standins.standin import Operation, Refusal, answer
from answerback.testing.standins.values import Json

Conclusion = Literal[
    "action_required", "cancelled", "failure", "neutral", "success", "skipped", "stale", "timed_out"
]  # fmt: skip


class _Annotation(msgspec.Struct):
    path: str
    start_line: int
    end_line: int
    annotation_level: Literal["notice", "warning", "failure"]
    message: str


class _Output(msgspec.Struct):
    title: str
    summary: Annotated[str, msgspec.Meta(max_length=65_535)]
    text: Annotated[str, msgspec.Meta(max_length=65_535)] | None = None
    annotations: Annotated[list[_Annotation], msgspec.Meta(max_length=50)] = []


class _Action(msgspec.Struct):
    label: Annotated[str, msgspec.Meta(max_length=20)]
    description: Annotated[str, msgspec.Meta(max_length=40)]
    identifier: Annotated[str, msgspec.Meta(max_length=20)]


class _Update(msgspec.Struct, omit_defaults=True):
    name: str | None = None
    external_id: str | None = None
    details_url: str | None = None
    status: Literal["queued", "in_progress", "completed"] | None = None
    conclusion: Conclusion | None = None
    started_at: str | None = None
    completed_at: str | None = None
    output: _Output | None = None
    actions: Annotated[list[_Action], msgspec.Meta(max_length=3)] = []


class _Run(_Update, kw_only=True):
    name: str
    head_sha: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{40}$")]


class Checks:
    """Check runs."""

    def __init__(self, world: World) -> None:
        self._world = world

    def operations(self, repo: str) -> list[Operation]:
        """Return the operations below a repository's path."""
        one, listed = f"{repo}/check-runs/{{run:\\d+}}", f"{repo}/commits/{{ref}}/check-runs"
        return [
            Operation("POST", f"{repo}/check-runs", "checks/create", self._create),
            Operation("GET", one, "checks/get", self._get),
            Operation("PATCH", one, "checks/update", self._update),
            Operation("GET", listed, "checks/list-for-ref", self._list),
        ]

    async def _create(self, request: web.Request) -> web.Response:
        actor, repository = self._app(request), self._world.repository(request)
        asked = await read(request, _Run, "head_sha")
        self._world.count_content()
        id = self._world.comments.next_id()
        run: Json = {"id": id, "repository": repository.id, "app": actor.app, "slug": actor.login.removesuffix("[bot]")}
        self._world.runs[id] = run
        self._set(run, asked)
        json = self._json(repository, run)
        where = str(id), f"{repository.full_name}@{run['head_sha']}", _text(run), run.get("external_id") or ""
        self._world.record("checks/create", *where, actor, json["html_url"])
        self._emit(actor, repository, run, "created")
        return answer(json, 201)

    async def _update(self, request: web.Request) -> web.Response:
        actor, repository = self._app(request), self._world.repository(request)
        run = self._one(request, repository)
        if run["app"] != actor.app:
            raise Refusal(
                failure(
                    403,
                    "Invalid app_id `"
                    + str(actor.app)
                    + "` - check run can only be modified by the GitHub App that created it.",
                )
            )
        self._set(run, await read(request, _Update, "name"))
        self._world.count_content()
        self._world.journal.edited("github", str(run["id"]), _text(run))
        if run.get("status") == "completed":
            self._emit(actor, repository, run, "completed")
        return answer(self._json(repository, run))

    async def _get(self, request: web.Request) -> web.Response:
        self._world.credentials.actor(request)
        repository = self._world.repository(request)
        return answer(self._json(repository, self._one(request, repository)))

    async def _list(self, request: web.Request) -> web.Response:
        """By default only the latest run of each name: https://docs.github.com/en/rest/checks/runs#list-check-runs-for-a-git-reference"""
        self._world.credentials.actor(request)
        repository, query = self._world.repository(request), request.query
        found = [
            run
            for run in self._world.runs.values()
            if run["repository"] == repository.id
            and run["head_sha"] == request.match_info["ref"]
            and query.get("check_name", run["name"]) == run["name"]
            and query.get("app_id", str(run["app"])) == str(run["app"])
        ]
        if query.get("filter", "latest") == "latest":
            found = list({(run["app"], run["name"]): run for run in found}.values())
        shown: Sequence[Json] = [self._json(repository, run) for run in reversed(found)]
        return page(request, repository, shown, "check_runs")

    def _app(self, request: web.Request) -> Actor:
        actor = self._world.credentials.actor(request)
        if actor.app is None:
            raise Refusal(failure(403, "You must authenticate via a GitHub App."))
        return actor

    def _one(self, request: web.Request, repository: Repository) -> Json:
        run = self._world.runs.get(int(request.match_info["run"]))
        if run is None or run["repository"] != repository.id:
            raise Refusal(failure(404, "Not Found"))
        return run

    def _set(self, run: Json, asked: _Update) -> None:
        """Set what a request names. A conclusion completes a run, which then must have one."""
        given = msgspec.to_builtins(asked)
        if given.get("conclusion"):
            given.setdefault("status", "completed")
        if given.get("status") == "completed" and not given.get("conclusion"):
            raise invalid({"resource": "CheckRun", "field": "conclusion", "code": "missing_field"})
        if given.get("status") in ("queued", "in_progress"):
            run["conclusion"] = None
        run.update(given)

    def _json(self, repository: Repository, run: Json) -> Json:
        return posts.check_run(repository.full_name, repository.id, run["id"], run["app"], run["slug"], run)

    def _emit(self, actor: Actor, repository: Repository, run: Json, action: Literal["created", "completed"]) -> None:
        if self._world.hooks.url:
            hook = webhook_of(actor, repository, self._world.options.github_secret)
            self._world.emit(hook.check_run(action, run=run["id"], content=run, head=run["head_sha"]))


def _text(run: Json) -> str:
    """Return what people read of a run."""
    output = run.get("output") or {}
    state = run.get("conclusion") or run.get("status") or "queued"
    return "\n".join(filter(None, [f"{run['name']}: {state}", output.get("title"), output.get("summary")]))
