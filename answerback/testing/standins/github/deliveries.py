"""The deliveries of GitHub's webhooks, and their redelivery.

https://docs.github.com/en/rest/repos/webhooks and https://docs.github.com/en/rest/apps/webhooks
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from answerback.testing.standins.github import payloads
from answerback.testing.standins.github.credentials import Credentials, failure
from answerback.testing.standins.github.webhooks import HOOK
from answerback.testing.standins.hooks import Attempt, Hooks
from answerback.testing.standins.standin import Handler, Operation, Refusal, answer

Access = Callable[[web.Request], object]


class Deliveries:
    """The deliveries of the repositories' hooks and of the app's hook."""

    def __init__(self, credentials: Credentials, hooks: Hooks) -> None:
        self._credentials = credentials
        self._hooks = hooks

    def operations(self) -> list[Operation]:
        """Listing and redelivering, for a repository's hook and for the app's."""
        repo, app = "/repos/{owner}/{repo}/hooks", "/app/hook/deliveries"
        by_token, by_app = self._credentials.actor, self._credentials.app
        again = "/{delivery:\\d+}/attempts"
        listed, asked = f"{repo}/{{hook:\\d+}}/deliveries", f"{repo}/{{hook:\\d+}}/deliveries{again}"
        return [
            Operation("GET", repo, "repos/list-webhooks", self._list_hooks),
            Operation("GET", listed, "repos/list-webhook-deliveries", self._list(by_token, "repository")),
            Operation("POST", asked, "repos/redeliver-webhook-delivery", self._redeliver(by_token, "repository")),
            Operation("GET", app, "apps/list-webhook-deliveries", self._list(by_app, "integration")),
            Operation("POST", app + again, "apps/redeliver-webhook-delivery", self._redeliver(by_app, "integration")),
        ]

    async def _list_hooks(self, request: web.Request) -> web.Response:
        self._credentials.actor(request)
        where = f"{payloads.API}/repos/{request.match_info['owner']}/{request.match_info['repo']}/hooks/{HOOK}"
        config = {"content_type": "json", "insecure_ssl": "0", "url": self._hooks.url, "secret": "********"}
        hook = {"type": "Repository", "id": HOOK, "name": "web", "active": True, "events": ["*"], "config": config}
        links = {"url": where, **{f"{name}_url": f"{where}/{name}s" for name in ("ping", "test")}}
        dates = {"created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-01T00:00:00Z"}
        last = {"last_response": {"code": None, "status": "unused", "message": None}}
        return answer([hook | links | dates | last | {"deliveries_url": f"{where}/deliveries"}])

    def _list(self, access: Access, target: str) -> Handler:
        async def handler(request: web.Request) -> web.Response:
            access(request)
            try:
                size = min(max(int(request.query.get("per_page", 30)), 1), 100)
                cursor = int(request.query.get("cursor", "").removeprefix("v1_") or 1 << 62)
            except ValueError:
                raise Refusal(failure(422, "Validation Failed")) from None
            found = [one for one in reversed(self._hooks.attempts) if self._wanted(request, one, target)]
            found = [one for one in found if one.id <= cursor]
            headers = {}
            if len(found) > size:
                following = request.url.update_query(cursor=f"v1_{found[size].id}")
                headers["Link"] = f'<{following}>; rel="next"'
            return answer([one.summary() for one in found[:size]], 200, headers)

        return handler

    def _wanted(self, request: web.Request, attempt: Attempt, target: str) -> bool:
        if attempt.platform != "github" or attempt.target != target or not attempt.code:
            return False
        outcome = request.query.get("status")
        if outcome is not None and outcome != ("success" if 200 <= attempt.code < 400 else "failure"):
            return False
        if target == "integration":
            return True
        name = f"{request.match_info['owner']}/{request.match_info['repo']}".lower()
        return str(attempt.payload.get("repository", {}).get("full_name", "")).lower() == name

    def _redeliver(self, access: Access, target: str) -> Handler:
        async def handler(request: web.Request) -> web.Response:
            access(request)
            if not self._hooks.redeliver(int(request.match_info["delivery"]), target):
                raise Refusal(failure(404, "Not Found"))
            return answer({}, 202)

        return handler
