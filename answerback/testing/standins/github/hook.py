"""A GitHub webhook: who causes it, where, and how it is signed."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import msgspec

from answerback.testing.standins import signatures
from answerback.testing.standins.github import payloads
from answerback.testing.standins.options import Options
from answerback.testing.standins.signatures import Delivery
from answerback.testing.standins.values import Json

HOOK = 292430182
OPENER = payloads.user("hubot", 480938)
"""Who opened what others write about."""

_DEFAULTS = Options()


@dataclass(frozen=True, kw_only=True)
class Hook:
    """A person on GitHub, in a repository, and the hook that reports what they do.

    repo_id       None: derived from the name
    user_type     "User", or "Bot" for an app's user, whose login ends in "[bot]"
    app_id        the app that wrote it, for `performed_via_github_app`
    installation  the app's installation that the webhook belongs to; None: a repository's hook
    """

    repo: str = "acme/widgets"
    repo_id: int | None = None
    login: str = "octocat"
    user_id: int = 583231
    user_type: str = "User"
    app_id: int | None = None
    installation: int | None = None
    secret: str = _DEFAULTS.github_secret

    @property
    def repository(self) -> int:
        """The repository's id."""
        return self.repo_id or payloads.repository_id(self.repo)

    @property
    def author(self) -> Json:
        """The person as JSON."""
        return payloads.user(self.login, self.user_id, self.user_type)

    def ping(self) -> Delivery:
        """GitHub's handshake: https://docs.github.com/en/webhooks/webhook-events-and-payloads#ping"""
        hook = {"type": "Repository", "id": HOOK, "active": True, "events": ["issue_comment"], "config": {}}
        payload = {"zen": "Non-blocking is better than blocking.", "hook_id": HOOK, "hook": hook}
        return self.signed("ping", payload, None)

    def event(self, event: str, action: str, delivery: str | None, *, was: str = "", **parts: Any) -> Delivery:
        """Any event, with the parts that all of them have. `was`: the text before it was edited."""
        repository = payloads.repository(self.repo, self.repository)
        payload: Json = {"action": action, **parts, "repository": repository, "sender": self.author}
        if action == "edited":
            payload["changes"] = {"body": {"from": was or "what it said before"}}
        if self.installation is not None:
            payload["installation"] = {"id": self.installation, "node_id": "MDIzOkludGVncmF0aW9uSW5zdGFsbGF0aW9u"}
        return self.signed(event, payload, delivery)

    def signed(self, event: str, payload: Json, delivery: str | None) -> Delivery:
        """Any payload. https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers"""
        body = msgspec.json.encode(payload)
        identity = delivery or str(uuid.uuid4())
        headers = {
            "Accept": "*/*",
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/044aadd",
            "X-GitHub-Delivery": identity,
            "X-GitHub-Event": event,
            "X-GitHub-Hook-ID": str(HOOK),
            "X-GitHub-Hook-Installation-Target-ID": str(self.repository if self.installation is None else self.app_id),
            "X-GitHub-Hook-Installation-Target-Type": "repository" if self.installation is None else "integration",
            "X-Hub-Signature-256": signatures.github(self.secret, body),
        }
        return Delivery(headers, body, identity)
