"""List the deliveries of a GitHub webhook, and request redeliveries.

GitHub never delivers twice by itself: https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import quote

import msgspec

from answerback.errors import Rejected
from answerback.platforms import Exchange, Request, Response
from answerback.platforms.answer import harmless, read
from answerback.platforms.github.app import App
from answerback.platforms.github.credential import HEADERS, Credential, configured
from answerback.platforms.github.rate_limits import bucket
from answerback.platforms.github.refusal import Signed, check
from answerback.platforms.redelivery import DeliveryAttempt, DeliveryPage

if TYPE_CHECKING:
    from answerback.platforms.github.settings import GitHubSettings

WINDOW = 3 * 86_400_000
"""For how long GitHub can redeliver, in ms.

https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks
"""

APP = "app"
"""The name of an app's webhook. A repository's is named "OWNER/REPO/hooks/ID", an organization's "ORG/hooks/ID"."""

_PAGE = 100


class _Attempt(msgspec.Struct):
    """One attempt of a delivery; `guid` is its X-GitHub-Delivery, which redeliveries have in common."""

    id: int
    guid: str
    delivered_at: Annotated[datetime, msgspec.Meta(tz=True)]
    status: str = ""
    status_code: int = 0
    event: str = ""
    action: str | None = None

    @property
    def state(self) -> Literal["delivered", "pending", "failed"]:
        """Its outcome. GitHub's status for a 2xx response is "OK"."""
        if self.status.upper() == "OK" or 200 <= self.status_code < 300:
            return "delivered"
        return "pending" if self.status.lower() == "pending" else "failed"

    def plain(self) -> DeliveryAttempt:
        """Return it as every platform's."""
        return DeliveryAttempt(
            id=self.id,
            guid=self.guid,
            at=int(self.delivered_at.timestamp() * 1000),
            event=f"{self.event}.{self.action}" if self.action else self.event,
            state=self.state,
            status=self.status or str(self.status_code),
        )


_attempts = msgspec.json.Decoder(list[_Attempt])


class Deliveries:
    """See `DeliveryLog`."""

    retention = WINDOW
    # https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#pause-between-mutative-requests
    pace = 1.0

    def __init__(self, credential: Credential, api: str, clock: Callable[[], float] = time.time) -> None:
        self._credential, self._api, self._clock = credential, api, clock

    def page(self, hook: str, cursor: str = "") -> Exchange[DeliveryPage]:
        """Return up to a hundred attempts, newest first: https://docs.github.com/en/rest/repos/webhooks and the like.

        Raises `Rejected`, naming the missing permission, if the credential may not see them.
        """
        url = f"{self._url(hook)}?per_page={_PAGE}" + (f"&cursor={quote(cursor)}" if cursor else "")
        doing = f"listing the deliveries of {hook}"
        response = yield from self._call(hook, "GET", url)
        self._check(hook, response, doing)
        attempts = read(response, _attempts, "GitHub", unknown=False)
        return DeliveryPage([each.plain() for each in attempts], _following(response.headers.get("link", "")))

    def redeliver(self, hook: str, attempt: int) -> Exchange[str]:
        """Request a redelivery by number. Return why GitHub will not redeliver it; "" if it will."""
        response = yield from self._call(hook, "POST", f"{self._url(hook)}/{attempt}/attempts")
        try:
            self._check(hook, response, f"requesting delivery {attempt} of {hook} again")
        except Rejected as refusal:
            if response.status in (400, 404, 410, 422):
                return str(refusal)
            raise
        return ""

    def limits(self, hook: str) -> Sequence[str]:
        """Return the scopes of the app's own requests or of the token's."""
        scope = _scope(hook)
        return list(dict.fromkeys(["", scope, bucket(scope, "core")]))

    def _call(self, hook: str, method: Literal["GET", "POST"], url: str) -> Exchange[Response]:
        response = yield from self._signed(hook, method, url)
        if response.status == 401 and self._renewed(hook, response):
            response = yield from self._signed(hook, method, url)
        return response

    def _renewed(self, hook: str, refusal: Response) -> bool:
        """Return whether signing again may help."""
        if hook != APP:
            return self._credential.forget(0)
        return isinstance(self._credential, App) and self._credential.corrects(refusal)

    def _signed(self, hook: str, method: Literal["GET", "POST"], url: str) -> Exchange[Response]:
        if hook != APP:
            authorization = yield from self._credential.authorization(_owner(hook), 0)
        elif isinstance(self._credential, App):
            authorization = self._credential.sign()
        else:
            raise Rejected("only a GitHub App has its own deliveries: set GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY")
        # An extra redelivery is dropped as a duplicate, so repeating after a lost response does no harm.
        return (
            yield from harmless(Request(method=method, url=url, headers={**HEADERS, "authorization": authorization}))
        )

    def _check(self, hook: str, response: Response, doing: str) -> None:
        try:
            signed = Signed(self._credential.name) if hook == APP else self._credential.signed(_owner(hook), 0)
            check(response, self._clock(), signed, doing=doing, scope=_scope(hook), unknown=False)
        except Rejected as refusal:
            raise Rejected(f"{str(refusal).rstrip('.')}. {_needs(hook)}") from None

    def _url(self, hook: str) -> str:
        if hook == APP:
            return f"{self._api}/app/hook/deliveries"
        kind = "repos" if "/" in _owner(hook) else "orgs"
        return f"{self._api}/{kind}/{quote(_owner(hook))}/hooks/{quote(hook.rpartition('/')[2])}/deliveries"


def deliveries(settings: GitHubSettings) -> Deliveries | None:
    """Return the deliveries for the configured credential; None without one.

    Raises `ConfigurationError` if the app's private key cannot be used.
    """
    credential = configured(settings)
    return Deliveries(credential, settings.api_url) if credential else None


def _scope(hook: str) -> str:
    """Return the rate limit scope of requests about this webhook: see `RateLimited`."""
    return "app" if hook == APP else ""


def _owner(hook: str) -> str:
    return hook.rpartition("/hooks/")[0]


def _following(link: str) -> str:
    # Take only the cursor: the credential is never sent to another URL than the configured one.
    for part in link.split(","):
        if re.search(r'rel="?next\b', part) and (cursor := re.search(r"[?&]cursor=([\w.~%-]+)", part)):
            return cursor[1].replace("%3D", "=").replace("%3d", "=")
    return ""


def _needs(hook: str) -> str:
    # https://docs.github.com/en/rest/authentication/permissions-required-for-fine-grained-personal-access-tokens
    if hook == APP:
        return "Check that this is the key of the webhook's app, and that the webhook is active."
    kind, classic = ("repository", "admin:repo_hook") if "/" in _owner(hook) else ("organization", "admin:org_hook")
    return (
        f"It needs the {kind} permission “Webhooks: read and write” (a classic token: {classic}). Also check the name "
        f"{hook}: the webhook's number is at the end of the URL of its page in the {kind}'s settings."
    )
