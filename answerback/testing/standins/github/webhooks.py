"""GitHub's webhooks, built and signed."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass
from typing import Any

import msgspec

from answerback.testing.standins import signatures
from answerback.testing.standins.github import payloads
from answerback.testing.standins.github.nodes import node_id
from answerback.testing.standins.options import Options
from answerback.testing.standins.signatures import Delivery
from answerback.testing.standins.values import Json, moment

HOOK = 292430182
_DEFAULTS = Options()
_numbers = itertools.count(1_700_000_001)


@dataclass(frozen=True, kw_only=True)
class GitHub:
    """A person on GitHub, in a repository. Each method returns the webhook of one thing that they do.

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
    def _author(self) -> Json:
        return payloads.user(self.login, self.user_id, self.user_type)

    def ping(self) -> Delivery:
        """GitHub's handshake: https://docs.github.com/en/webhooks/webhook-events-and-payloads#ping"""
        hook = {"type": "Repository", "id": HOOK, "active": True, "events": ["issue_comment"], "config": {}}
        payload = {"zen": "Non-blocking is better than blocking.", "hook_id": HOOK, "hook": hook}
        return self.signed("ping", payload, None)

    def issue(
        self,
        text: str = "It does not work, @answerbot.",
        *,
        number: int = 7,
        title: str = "Widgets squeak",
        action: str = "opened",
        delivery: str | None = None,
        at: float | None = None,
    ) -> Delivery:
        """`issues`."""
        found = payloads.issue(
            self.repo, self.repository, number, self._author, title=title, body=text, pull_request=False, at=at
        )
        return self.event("issues", action, delivery, issue=found)

    def issue_comment(
        self,
        text: str = "Hello, @answerbot",
        *,
        number: int = 7,
        comment: int | None = None,
        title: str = "Widgets squeak",
        pull_request: bool = False,
        action: str = "created",
        delivery: str | None = None,
        at: float | None = None,
    ) -> Delivery:
        """`issue_comment`: on an issue, or (`pull_request`) in a pull request's conversation."""
        about = payloads.issue(
            self.repo, self.repository, number, _OPENER, title=title, body="", pull_request=pull_request, at=at
        )
        said = payloads.issue_comment(
            self.repo,
            self.repository,
            number,
            comment or next(_numbers),
            self._author,
            text,
            via=None if self.app_id is None else payloads.app(self.app_id, self.login.removesuffix("[bot]")),
            pull_request=pull_request,
            at=at,
        )
        return self.event("issue_comment", action, delivery, issue=about, comment=said)

    def review_comment(
        self,
        text: str = "Why not a tuple, @answerbot?",
        *,
        number: int = 8,
        comment: int | None = None,
        reply_to: int | None = None,
        title: str = "Oil the widgets",
        action: str = "created",
        delivery: str | None = None,
        at: float | None = None,
    ) -> Delivery:
        """`pull_request_review_comment`: on a diff, or there in the thread below the comment `reply_to`."""
        pull = payloads.pull_request(self.repo, self.repository, number, _OPENER, title=title, at=at)
        identity = comment or next(_numbers)
        said = payloads.review_comment(
            self.repo, self.repository, number, identity, self._author, text, reply_to=reply_to, at=at
        )
        return self.event("pull_request_review_comment", action, delivery, pull_request=pull, comment=said)

    def review(
        self,
        text: str = "Looks good, @answerbot",
        *,
        number: int = 8,
        review: int | None = None,
        title: str = "Oil the widgets",
        state: str = "commented",
        action: str = "submitted",
        delivery: str | None = None,
        at: float | None = None,
    ) -> Delivery:
        """`pull_request_review`; a review without text has a body of null."""
        pull = payloads.pull_request(self.repo, self.repository, number, _OPENER, title=title, at=at)
        identity = review or next(_numbers)
        said = {
            "id": identity,
            "node_id": node_id("PRR", self.repository, identity),
            "user": self._author,
            "body": text or None,
            "commit_id": "6dcb09b5b57875f334f61aebed695e2e4193db5e",
            "submitted_at": moment(at),
            "state": state,
            "html_url": f"{payloads.WEB}/{self.repo}/pull/{number}#pullrequestreview-{identity}",
            "author_association": "NONE",
        }
        return self.event("pull_request_review", action, delivery, pull_request=pull, review=said)

    def discussion(
        self,
        text: str = "How do I oil a widget, @answerbot?",
        *,
        number: int = 9,
        title: str = "Oil",
        action: str = "created",
        delivery: str | None = None,
        at: float | None = None,
    ) -> Delivery:
        """`discussion`."""
        found = payloads.discussion(self.repo, self.repository, number, self._author, title=title, body=text, at=at)
        return self.event("discussion", action, delivery, discussion=found)

    def discussion_comment(
        self,
        text: str = "Which oil, @answerbot?",
        *,
        number: int = 9,
        comment: int | None = None,
        parent: int | None = None,
        title: str = "Oil",
        action: str = "created",
        delivery: str | None = None,
        at: float | None = None,
    ) -> Delivery:
        """`discussion_comment`: in a discussion, or there below the comment `parent`."""
        about = payloads.discussion(self.repo, self.repository, number, _OPENER, title=title, body="", at=at)
        identity = comment or next(_numbers)
        said = payloads.discussion_comment(
            self.repo, self.repository, number, identity, self._author, text, parent=parent, at=at
        )
        return self.event("discussion_comment", action, delivery, discussion=about, comment=said)

    def event(self, event: str, action: str, delivery: str | None, **parts: Any) -> Delivery:
        """Any event, with the parts that all of them have."""
        repository = payloads.repository(self.repo, self.repository)
        payload: Json = {"action": action, **parts, "repository": repository, "sender": self._author}
        if action == "edited":
            payload["changes"] = {"body": {"from": "what it said before"}}
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


_OPENER = payloads.user("hubot", 480938)
