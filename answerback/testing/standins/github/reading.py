"""Issues, pull requests and their files, accounts and installations, as they are read by REST."""

from __future__ import annotations

from aiohttp import web

from answerback.testing.standins.github import payloads
from answerback.testing.standins.github.attachments import Attachments
from answerback.testing.standins.github.conversations import Conversation, SubjectKind
from answerback.testing.standins.github.credentials import failure
from answerback.testing.standins.github.pages import page
from answerback.testing.standins.github.world import World
from answerback.testing.standins.standin import Handler, Operation, Refusal, answer
from answerback.testing.standins.values import Json


class Subjects:
    """What conversations are about."""

    def __init__(self, world: World, attachments: Attachments) -> None:
        self._world, self._attachments = world, attachments

    def operations(self, repo: str) -> list[Operation]:
        """Return the operations below a repository's path."""
        issue, pull = f"{repo}/issues/{{number:\\d+}}", f"{repo}/pulls/{{number:\\d+}}"
        return [
            Operation("GET", issue, "issues/get", self._get("issue")),
            Operation("GET", pull, "pulls/get", self._get("pull_request")),
            Operation("GET", f"{pull}/files", "pulls/list-files", self._files),
        ]

    def _get(self, kind: SubjectKind) -> Handler:
        async def handler(request: web.Request) -> web.Response:
            actor = self._world.credentials.actor(request)
            found = self._one(request, kind)
            shown = found.pull() if kind == "pull_request" else found.json() | {"closed_by": None}
            return answer(self._attachments.rendered(request, found.repository, actor, shown))

        return handler

    async def _files(self, request: web.Request) -> web.Response:
        self._world.credentials.actor(request)
        pull = self._one(request, "pull_request")
        return page(request, pull.repository, [_file(name, patch) for name, patch in pull.patches.items()])

    def _one(self, request: web.Request, kind: SubjectKind) -> Conversation:
        repository, number = self._world.repository(request), int(request.match_info["number"])
        found = self._world.conversation(repository, number, kind)
        if found.deleted:
            raise Refusal(failure(410, "This issue was deleted"))
        if found.moved:
            there = self._world.comments.repository(found.moved[0])
            path = f"/github/repositories/{there.id}/issues/{found.moved[1]}"
            url = request.url.origin().with_path(path)
            response = failure(301, "Moved Permanently", url=str(url))
            response.headers["Location"] = str(url)
            raise Refusal(response)
        return found


class Accounts:
    """Users, and the app's installations."""

    def __init__(self, world: World) -> None:
        self._world = world

    def operations(self) -> list[Operation]:
        """Return the operations."""
        one = "/app/installations/{installation:\\d+}"
        return [
            Operation("GET", "/users/{username}", "users/get-by-username", self._user),
            Operation("GET", one, "apps/get-installation", self._installation),
            Operation("GET", "/app/installations", "apps/list-installations", self._installations),
        ]

    async def _user(self, request: web.Request) -> web.Response:
        self._world.credentials.actor(request)
        login, options = request.match_info["username"], self._world.options
        known = {
            options.github_login: (options.github_user_id, "User"),
            f"{options.github_app_slug}[bot]": (options.github_app_user_id, "Bot"),
            "octocat": (583231, "User"),
        }
        for comment in self._world.comments.all():
            known.setdefault(comment.author.login, (comment.author.id, comment.author.type))
        if login not in known:
            raise Refusal(failure(404, "Not Found"))
        return answer(payloads.profile(login, *known[login]))

    async def _installation(self, request: web.Request) -> web.Response:
        app = self._world.credentials.app(request)
        number = int(request.match_info["installation"])
        if self._world.credentials.installations.get(number) == "deleted":
            raise Refusal(failure(404, "Not Found"))
        return answer(self._shown(app, number))

    async def _installations(self, request: web.Request) -> web.Response:
        app = self._world.credentials.app(request)
        found = [self._shown(app, number) for number in self._world.credentials.known()]
        try:
            start, size = int(request.query.get("page", 1)), min(int(request.query.get("per_page", 30)), 100)
        except ValueError:
            start, size = 1, 30
        return answer(found[(start - 1) * size : start * size])

    def _shown(self, app: Json, number: int) -> Json:
        state = self._world.credentials.installations.get(number)
        by = payloads.user("octocat", 583231) if state == "suspended" else None
        return payloads.installation(number, app["id"], app["slug"], suspended=by)


def _file(name: str, patch: str) -> Json:
    added = sum(line[:1] == "+" for line in patch.splitlines())
    removed = sum(line[:1] == "-" for line in patch.splitlines())
    where = f"{payloads.WEB}/acme/widgets"
    return {
        "sha": "bbcd538c8e72b8c175046e27cc8f907076331401",
        "filename": name,
        "status": "modified",
        "additions": added,
        "deletions": removed,
        "changes": added + removed,
        "blob_url": f"{where}/blob/main/{name}",
        "raw_url": f"{where}/raw/main/{name}",
        "contents_url": f"{payloads.API}/repos/acme/widgets/contents/{name}",
        "patch": patch,
    }
