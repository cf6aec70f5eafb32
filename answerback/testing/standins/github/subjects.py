"""What a conversation on GitHub is about, as JSON: an issue, a pull request, a discussion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from answerback.testing.standins.github.nodes import node_id
from answerback.testing.standins.github.payloads import API, DISCUSSIONS, WEB, reactions, repository, user, written
from answerback.testing.standins.values import Json, moment

HEAD = "6dcb09b5b57875f334f61aebed695e2e4193db5e"
"""The commit at the head of a pull request, unless it is set."""


@dataclass(frozen=True, kw_only=True)
class State:
    """What changes about an issue, a pull request or a discussion."""

    closed: bool = False
    merged: bool = False
    locked: bool = False
    labels: tuple[str, ...] = ()
    assignees: tuple[tuple[str, int, str], ...] = ()
    """Login, id and type of each."""
    reviewers: tuple[tuple[str, int, str], ...] = ()
    head: str = HEAD

    @property
    def state(self) -> Literal["open", "closed"]:
        """Its state in GitHub's words."""
        return "closed" if self.closed else "open"


OPEN = State()


def label(full_name: str, repo: int, name: str) -> Json:
    """A label of a repository."""
    number = 208_045_946 + sum(name.encode())
    return {
        "id": number,
        "node_id": node_id("LA", repo, number),
        "url": f"{API}/repos/{full_name}/labels/{name}",
        "name": name,
        "color": "f29513",
        "default": False,
        "description": None,
    }


def issue(
    full_name: str,
    repo: int,
    number: int,
    author: Json,
    *,
    title: str,
    body: str,
    pull_request: bool,
    at: float | None,
    state: State = OPEN,
) -> Json:
    """An issue, or a pull request as the issues API shows it."""
    page = f"{WEB}/{full_name}/{'pull' if pull_request else 'issues'}/{number}"
    url = f"{API}/repos/{full_name}/issues/{number}"
    people = [user(*one) for one in state.assignees]
    found: Json = {
        "url": url,
        "repository_url": f"{API}/repos/{full_name}",
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "html_url": page,
        "id": 2_000_000 + number,
        "node_id": node_id("PR" if pull_request else "I", repo, 2_000_000 + number),
        "number": number,
        "title": title,
        "labels": [label(full_name, repo, name) for name in state.labels],
        "state": state.state,
        "state_reason": "completed" if state.closed and not pull_request else None,
        "locked": state.locked,
        "active_lock_reason": None,
        "assignee": people[0] if people else None,
        "assignees": people,
        "milestone": None,
        "closed_at": moment(at) if state.closed else None,
        "comments": 1,
        **written(author, body, at, association="CONTRIBUTOR"),
        "reactions": reactions(url),
        "timeline_url": f"{url}/timeline",
        "performed_via_github_app": None,
    }
    if pull_request:
        found["draft"] = False
        pull = f"{API}/repos/{full_name}/pulls/{number}"
        links = {"url": pull, "html_url": page, "diff_url": f"{page}.diff", "patch_url": f"{page}.patch"}
        found["pull_request"] = links | {"merged_at": None}
    return found


def pull_request(
    full_name: str, repo: int, number: int, author: Json, *, title: str, body: str = "", at: float | None,
    state: State = OPEN,
) -> Json:  # fmt: skip
    """A pull request as the webhooks of reviews show it."""
    found = issue(full_name, repo, number, author, title=title, body=body, pull_request=True, at=at, state=state)
    links: Json = found.pop("pull_request")
    for name in ("labels_url", "events_url", "repository_url", "reactions", "timeline_url", "state_reason"):
        del found[name]
    del found["performed_via_github_app"], found["comments"]
    api, url, issues = f"{API}/repos/{full_name}", links["url"], f"{API}/repos/{full_name}/issues/{number}"
    there = repository(full_name, repo)
    more = {
        "id": 3_000_000 + number,
        "issue_url": issues,
        "commits_url": f"{url}/commits",
        "review_comments_url": f"{url}/comments",
        "review_comment_url": f"{api}/pulls/comments{{/number}}",
        "comments_url": f"{issues}/comments",
        "statuses_url": f"{api}/statuses/{state.head}",
        "requested_reviewers": [user(*one) for one in state.reviewers],
        "requested_teams": [],
        "head": _end(there, "topic", state.head),
        "base": _end(there, "main", "f95f852bd8fca8fcc58a9a2d6c842781e32a215e"),
        "auto_merge": None,
        "merge_commit_sha": None,
    }
    found |= links | more
    found["_links"] = {
        name: {"href": found[key]}
        for name, key in (
            ("self", "url"), ("html", "html_url"), ("issue", "issue_url"), ("comments", "comments_url"),
            ("review_comments", "review_comments_url"), ("review_comment", "review_comment_url"),
            ("commits", "commits_url"), ("statuses", "statuses_url"),
        )
    }  # fmt: skip
    return found


def with_counts(pull: Json, state: State) -> Json:
    """A pull request as its own webhooks and its own page of the API show it."""
    return pull | {
        "merged": state.merged,
        "merged_by": None,
        "mergeable": None,
        "mergeable_state": "unknown",
        "rebaseable": None,
        "maintainer_can_modify": False,
        **dict.fromkeys(("comments", "review_comments", "commits", "additions", "deletions", "changed_files"), 1),
    }


def _end(there: Json, ref: str, sha: str) -> Json:
    """The head or the base of a pull request."""
    there = there | {
        "allow_auto_merge": False,
        "allow_merge_commit": True,
        "allow_rebase_merge": True,
        "allow_squash_merge": True,
        "allow_update_branch": False,
        "delete_branch_on_merge": False,
    }
    return {"label": f"{there['owner']['login']}:{ref}", "ref": ref, "sha": sha, "user": there["owner"], "repo": there}


def discussion(
    full_name: str, repo: int, number: int, author: Json, *, title: str, body: str, at: float | None,
    state: State = OPEN,
) -> Json:  # fmt: skip
    """A discussion."""
    page = f"{WEB}/{full_name}/discussions/{number}"
    category = {
        "id": 1,
        "node_id": node_id("DIC", repo, 1),
        "repository_id": repo,
        "emoji": ":pray:",
        "name": "Q&A",
        "description": "Ask for help",
        "created_at": "2024-01-01T00:00:00Z",
        "updated_at": "2024-01-01T00:00:00Z",
        "slug": "q-a",
        "is_answerable": True,
    }
    return {
        "repository_url": f"{API}/repos/{full_name}",
        "category": category,
        "answer_html_url": None,
        "answer_chosen_at": None,
        "answer_chosen_by": None,
        "html_url": page,
        "id": DISCUSSIONS + number,
        "node_id": node_id("D", repo, DISCUSSIONS + number),
        "number": number,
        "title": title,
        "labels": [label(full_name, repo, name) for name in state.labels],
        "state": "locked" if state.locked else state.state,
        "state_reason": None,
        "locked": state.locked,
        "active_lock_reason": None,
        "comments": 1,
        **written(author, body, at),
        "reactions": reactions(f"{API}/repos/{full_name}/discussions/{number}"),
        "timeline_url": f"{API}/repos/{full_name}/discussions/{number}/timeline",
    }
