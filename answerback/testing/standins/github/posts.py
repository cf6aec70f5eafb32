"""What is written and run on GitHub, as JSON: comments, reviews, check runs."""

from __future__ import annotations

from collections.abc import Mapping

from answerback.testing.standins.github.nodes import node_id
from answerback.testing.standins.github.payloads import API, DISCUSSIONS, WEB, app, reactions, written
from answerback.testing.standins.github.subjects import HEAD
from answerback.testing.standins.values import Json, moment

PATH = "src/widgets.py"
HUNK = "@@ -1,4 +1,5 @@\n import oil\n \n-def squeak():\n+def silent():\n+    oil.apply()\n     return True"
"""What a pull request changes unless it is set: the right side has the lines 1 to 5, the left side 1 to 4."""


def issue_comment(
    full_name: str,
    repo: int,
    number: int,
    id: int,
    author: Json,
    body: str,
    *,
    via: Json | None = None,
    pull_request: bool = False,
    at: float | None = None,
    updated: float | None = None,
    counts: Mapping[str, int] | None = None,
) -> Json:
    """A comment on an issue or a pull request. `via`: the app that wrote it."""
    url = f"{API}/repos/{full_name}/issues/comments/{id}"
    return {
        "url": url,
        "html_url": f"{WEB}/{full_name}/{'pull' if pull_request else 'issues'}/{number}#issuecomment-{id}",
        "issue_url": f"{API}/repos/{full_name}/issues/{number}",
        "id": id,
        "node_id": node_id("IC", repo, id),
        **written(author, body, at, updated),
        "reactions": reactions(url, counts),
        "performed_via_github_app": via,
    }


def review_comment(
    full_name: str,
    repo: int,
    number: int,
    id: int,
    author: Json,
    body: str,
    *,
    reply_to: int | None = None,
    review: int | None = None,
    path: str = PATH,
    line: int = 4,
    start: int | None = None,
    side: str = "RIGHT",
    at: float | None = None,
    updated: float | None = None,
    counts: Mapping[str, int] | None = None,
) -> Json:
    """A comment on a pull request's diff. It does not say which app wrote it."""
    page = f"{WEB}/{full_name}/pull/{number}#discussion_r{id}"
    url, pull = f"{API}/repos/{full_name}/pulls/comments/{id}", f"{API}/repos/{full_name}/pulls/{number}"
    found: Json = {
        "url": url,
        "pull_request_review_id": review or 4_000_000 + id,
        "id": id,
        "node_id": node_id("PRRC", repo, id),
        "diff_hunk": HUNK,
        "path": path,
        "commit_id": HEAD,
        "original_commit_id": HEAD,
        **written(author, body, at, updated),
        "html_url": page,
        "pull_request_url": pull,
        "position": line,
        "original_position": line,
        "line": line,
        "original_line": line,
        "start_line": start,
        "original_start_line": start,
        "start_side": None if start is None else side,
        "side": side,
        "subject_type": "line",
        "reactions": reactions(url, counts),
        "_links": {"self": {"href": url}, "html": {"href": page}, "pull_request": {"href": pull}},
    }
    return found if reply_to is None else found | {"in_reply_to_id": reply_to}


def review(
    full_name: str,
    repo: int,
    number: int,
    id: int,
    author: Json,
    body: str | None,
    *,
    state: str = "commented",
    commit: str = HEAD,
    at: float | None = None,
) -> Json:
    """A review as its webhook shows it. The REST API writes its state in capitals."""
    page = f"{WEB}/{full_name}/pull/{number}#pullrequestreview-{id}"
    pull = f"{API}/repos/{full_name}/pulls/{number}"
    return {
        "id": id,
        "node_id": node_id("PRR", repo, id),
        "user": author,
        "body": body,
        "commit_id": commit,
        "submitted_at": moment(at),
        "state": state,
        "html_url": page,
        "pull_request_url": pull,
        "author_association": "NONE",
        "_links": {"html": {"href": page}, "pull_request": {"href": pull}},
    }


def discussion_comment(
    full_name: str,
    repo: int,
    number: int,
    id: int,
    author: Json,
    body: str,
    *,
    parent: int | None = None,
    at: float | None = None,
    updated: float | None = None,
    counts: Mapping[str, int] | None = None,
) -> Json:
    """A comment in a discussion; `parent` is the id of the comment that it replies to."""
    return {
        "id": id,
        "node_id": node_id("DC", repo, id),
        "html_url": f"{WEB}/{full_name}/discussions/{number}#discussioncomment-{id}",
        "parent_id": parent,
        "child_comment_count": 0,
        "repository_url": f"{API}/repos/{full_name}",
        "discussion_id": DISCUSSIONS + number,
        **written(author, body, at, updated),
        "reactions": reactions(f"{API}/repos/{full_name}/discussions/{number}/comments/{id}", counts),
    }


def check_run(full_name: str, repo: int, id: int, app_id: int, slug: str, run: Mapping[str, object]) -> Json:
    """A check run; `run` has what its app set: name, head_sha, status, conclusion, external_id, output, …"""
    api = f"{API}/repos/{full_name}"
    output: Json = {"title": None, "summary": None, "text": None, **(run.get("output") or {})}  # type: ignore[dict-item]
    notes = output.pop("annotations", None) or []
    completed = run.get("status") == "completed"
    return {
        "id": id,
        "node_id": node_id("CR", repo, id),
        "name": run["name"],
        "head_sha": run["head_sha"],
        "external_id": run.get("external_id") or "",
        "url": f"{api}/check-runs/{id}",
        "html_url": f"{WEB}/{full_name}/runs/{id}",
        "details_url": run.get("details_url") or "https://example.com",
        "status": run.get("status") or "queued",
        "conclusion": run.get("conclusion"),
        "started_at": run.get("started_at") or moment(),
        "completed_at": (run.get("completed_at") or moment()) if completed else None,
        "output": {**output, "annotations_count": len(notes), "annotations_url": f"{api}/check-runs/{id}/annotations"},
        "check_suite": {"id": 5_000_000_000 + id},
        "app": app(app_id, slug),
        "pull_requests": [],
    }


def check_suite(full_name: str, repo: int, id: int, app_id: int, slug: str, sha: str) -> Json:
    """The suite of a check run, as the run's webhook shows it."""
    return {
        "id": 5_000_000_000 + id,
        "node_id": node_id("CS", repo, 5_000_000_000 + id),
        "head_branch": "topic",
        "head_sha": sha,
        "status": "in_progress",
        "conclusion": None,
        "url": f"{API}/repos/{full_name}/check-suites/{5_000_000_000 + id}",
        "before": None,
        "after": sha,
        "pull_requests": [],
        "app": app(app_id, slug),
        "created_at": moment(),
        "updated_at": moment(),
    }
