"""The webhooks of what people do on GitHub besides writing: assign, label, close, lock, move, install."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from answerback.testing.standins.github import payloads, posts, subjects
from answerback.testing.standins.github.hook import OPENER, Hook
from answerback.testing.standins.github.subjects import OPEN, State
from answerback.testing.standins.options import Options
from answerback.testing.standins.signatures import Delivery
from answerback.testing.standins.values import Json

IssueChange = Literal[
    "assigned", "unassigned", "labeled", "unlabeled", "closed", "reopened", "locked", "unlocked", "transferred",
    "deleted",
]  # fmt: skip
PullChange = Literal[
    "assigned", "unassigned", "labeled", "unlabeled", "closed", "reopened", "locked", "unlocked", "review_requested",
    "review_request_removed", "synchronize",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Changes(Hook):
    """See `webhooks.GitHub`. `who` is a login, an id and a type."""

    def issue_changed(
        self,
        action: IssueChange,
        *,
        number: int = 7,
        title: str = "Widgets squeak",
        body: str = "They do.",
        who: tuple[str, int, str] = ("answerbot", 90001, "User"),
        label: str = "bug",
        to: tuple[str, int] = ("acme/gadgets", 1),
        state: State = OPEN,
        delivery: str | None = None,
        at: float | None = None,
    ) -> Delivery:
        """`issues`, whatever is done with it. `to`: the repository and number that it has once transferred."""
        state, more = self.changed(action, state, who, label)

        def issue(repo: str, id: int, number: int) -> Json:
            return subjects.issue(
                repo, id, number, OPENER, title=title, body=body, pull_request=False, at=at, state=state
            )

        if action == "transferred":
            there = payloads.repository_id(to[0])
            more["changes"] = {
                "new_issue": issue(to[0], there, to[1]) | {"active_lock_reason": None},
                "new_repository": payloads.repository(to[0], there),
            }
        found = issue(self.repo, self.repository, number)
        return self.event("issues", action, delivery, issue=found, **more)

    def pull_request_changed(
        self,
        action: PullChange,
        *,
        number: int = 8,
        title: str = "Oil the widgets",
        body: str = "",
        who: tuple[str, int, str] = ("answerbot", 90001, "User"),
        label: str = "bug",
        merged: bool = False,
        team: str = "",
        state: State = OPEN,
        delivery: str | None = None,
        at: float | None = None,
    ) -> Delivery:
        """`pull_request`, whatever is done with it. `team`: the slug of the team whose review is requested."""
        state, more = self.changed(action, state, who, label)
        if action == "closed":
            state = replace(state, merged=merged)
        if action in ("review_requested", "review_request_removed"):
            asked = payloads.team(team) if team else payloads.user(*who)
            more["requested_team" if team else "requested_reviewer"] = asked
            if action == "review_requested" and not team:
                state = replace(state, reviewers=(*state.reviewers, who))
        if action == "synchronize":
            more = {"before": subjects.HEAD, "after": "c" * 40}
            state = replace(state, head="c" * 40)
        pull = subjects.pull_request(
            self.repo, self.repository, number, OPENER, title=title, body=body, at=at, state=state
        )
        return self.event(
            "pull_request", action, delivery, number=number, pull_request=subjects.with_counts(pull, state), **more
        )

    def discussion_changed(
        self, action: Literal["locked", "unlocked", "labeled", "unlabeled"], *, number: int = 9, title: str = "Oil",
        body: str = "Which?", label: str = "bug", state: State = OPEN, delivery: str | None = None,
    ) -> Delivery:  # fmt: skip
        """`discussion`, whatever is done with it."""
        state, more = self.changed(action, state, ("", 0, ""), label)
        found = subjects.discussion(
            self.repo, self.repository, number, OPENER, title=title, body=body, at=None, state=state
        )
        return self.event("discussion", action, delivery, discussion=found, **more)

    def check_run(
        self,
        action: Literal["created", "completed", "requested_action", "rerequested"] = "requested_action",
        *,
        run: int = 6_000_000,
        identifier: str = "",
        content: Mapping[str, Any] | None = None,
        number: int | None = None,
        head: str = subjects.HEAD,
        delivery: str | None = None,
    ) -> Delivery:
        """`check_run`: an app's own. `identifier`: the pressed button's; `number`: the pull request at its commit."""
        app = self.app_id or Options().github_app_id
        slug = Options().github_app_slug
        fields = {"name": "answerbot", "head_sha": head, "status": "completed", "conclusion": "neutral"}
        json = posts.check_run(self.repo, self.repository, run, app, slug, {**fields, **(content or {})})
        suite = posts.check_suite(self.repo, self.repository, run, app, slug, json["head_sha"])
        if number is not None:
            pull = subjects.pull_request(self.repo, self.repository, number, OPENER, title="", at=None)
            ends: Json = {
                end: {
                    "ref": pull[end]["ref"],
                    "sha": json["head_sha"] if end == "head" else pull[end]["sha"],
                    "repo": {name: pull[end]["repo"][name] for name in ("id", "url", "name")},
                }
                for end in ("head", "base")
            }
            suite["pull_requests"] = json["pull_requests"] = [
                {"url": pull["url"], "id": pull["id"], "number": number, **ends}
            ]
        json["check_suite"] = suite
        more: Json = {}
        if action == "requested_action":
            more["requested_action"] = {"identifier": identifier}
        return self.event("check_run", action, delivery, check_run=json, **more)

    def installed(
        self,
        action: Literal["created", "deleted", "suspend", "unsuspend"] = "created",
        *,
        delivery: str | None = None,
    ) -> Delivery:
        """`installation`."""
        app = self.app_id or Options().github_app_id
        found = payloads.installation(
            self.installation or 77, app, Options().github_app_slug,
            suspended=self.author if action == "suspend" else None,
        )  # fmt: skip
        names = ("id", "node_id", "name", "full_name", "private")
        repository = payloads.repository(self.repo, self.repository)
        payload: Json = {
            "action": action,
            "installation": found,
            "repositories": [{name: repository[name] for name in names}],
            "sender": self.author,
        }
        if action == "created":
            payload["requester"] = None
        return replace(self, installation=found["id"], app_id=app).signed("installation", payload, delivery)

    def changed(self, action: str, state: State, who: tuple[str, int, str], label: str) -> tuple[State, dict[str, Any]]:
        """Return the state after an action, and what its webhook adds."""
        match action:
            case "assigned":
                return replace(state, assignees=(*state.assignees, who)), {"assignee": payloads.user(*who)}
            case "unassigned":
                left = tuple(one for one in state.assignees if one != who)
                return replace(state, assignees=left), {"assignee": payloads.user(*who)}
            case "labeled" | "unlabeled":
                labels = tuple(one for one in state.labels if one != label)
                named = {"label": subjects.label(self.repo, self.repository, label)}
                return replace(state, labels=(*labels, label) if action == "labeled" else labels), named
            case "closed" | "reopened":
                return replace(state, closed=action == "closed"), {}
            case "locked" | "unlocked":
                return replace(state, locked=action == "locked"), {}
        return state, {}
