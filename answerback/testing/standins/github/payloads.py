"""GitHub's objects as JSON, as in its REST responses and its webhooks.

Only the fields that clients read, in GitHub's own shape:
https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

import zlib

from answerback.testing.standins.github.nodes import node_id
from answerback.testing.standins.values import Json, moment

API = "https://api.github.com"
WEB = "https://github.com"
DISCUSSIONS = 5_000_000
"""A discussion's id is its number plus this."""


def repository_id(full_name: str) -> int:
    """Return the default id of a repository, which depends on its name only."""
    return 100_000_000 + zlib.crc32(full_name.lower().encode()) % 800_000_000


def user(login: str, id: int, type: str = "User") -> Json:
    """A user; `type` is "User", "Bot" or "Organization"."""
    return {
        "login": login,
        "id": id,
        "node_id": node_id("BOT" if type == "Bot" else "U", id),
        "avatar_url": f"https://avatars.githubusercontent.com/u/{id}?v=4",
        "gravatar_id": "",
        "url": f"{API}/users/{login}",
        "html_url": f"{WEB}/{'apps/' + login.removesuffix('[bot]') if type == 'Bot' else login}",
        "type": type,
        "site_admin": False,
    }


def app(id: int, slug: str) -> Json:
    """A GitHub App, as `GET /app` and `performed_via_github_app` show it."""
    return {
        "id": id,
        "client_id": f"Iv1.{id:016x}",
        "slug": slug,
        "node_id": node_id("A", id),
        "owner": user("acme", 4101, "Organization"),
        "name": slug,
        "description": "",
        "external_url": "https://example.com",
        "html_url": f"{WEB}/apps/{slug}",
        "created_at": "2024-01-01T00:00:00Z",
        "updated_at": "2024-01-01T00:00:00Z",
        "permissions": {"issues": "write", "pull_requests": "write", "discussions": "write"},
        "events": ["issue_comment", "issues", "pull_request_review_comment", "discussion_comment"],
    }


def repository(full_name: str, id: int) -> Json:
    """A repository."""
    owner, _, name = full_name.partition("/")
    return {
        "id": id,
        "node_id": node_id("R", id),
        "name": name,
        "full_name": full_name,
        "private": False,
        "owner": user(owner, 4101, "Organization"),
        "html_url": f"{WEB}/{full_name}",
        "url": f"{API}/repos/{full_name}",
        "default_branch": "main",
    }


def written(author: Json, body: str, at: float | None, updated: float | None = None, association: str = "NONE") -> Json:
    """Return the fields that all texts have. Times are seconds since 1970; None: now."""
    return {
        "user": author,
        "created_at": moment(at),
        "updated_at": moment(at if updated is None else updated),
        "author_association": association,
        "body": body,
    }


def issue(
    full_name: str, repo: int, number: int, author: Json, *, title: str, body: str, pull_request: bool, at: float | None
) -> Json:
    """An issue, or a pull request as the issues API shows it."""
    page = f"{WEB}/{full_name}/{'pull' if pull_request else 'issues'}/{number}"
    found: Json = {
        "url": f"{API}/repos/{full_name}/issues/{number}",
        "comments_url": f"{API}/repos/{full_name}/issues/{number}/comments",
        "html_url": page,
        "id": 2_000_000 + number,
        "node_id": node_id("PR" if pull_request else "I", repo, 2_000_000 + number),
        "number": number,
        "title": title,
        "labels": [],
        "state": "open",
        "locked": False,
        "comments": 1,
        **written(author, body, at, association="CONTRIBUTOR"),
    }
    if pull_request:
        found["draft"] = False
        found["pull_request"] = {"url": f"{API}/repos/{full_name}/pulls/{number}", "html_url": page}
    return found


def pull_request(full_name: str, repo: int, number: int, author: Json, *, title: str, at: float | None) -> Json:
    """A pull request as the webhooks of reviews show it."""
    found = issue(full_name, repo, number, author, title=title, body="", pull_request=True, at=at)
    links: Json = found.pop("pull_request")
    return found | links | {"id": 3_000_000 + number, "head": {"ref": "topic"}, "base": {"ref": "main"}}


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
) -> Json:
    """A comment on an issue or a pull request. `via`: the app that wrote it."""
    return {
        "url": f"{API}/repos/{full_name}/issues/comments/{id}",
        "html_url": f"{WEB}/{full_name}/{'pull' if pull_request else 'issues'}/{number}#issuecomment-{id}",
        "issue_url": f"{API}/repos/{full_name}/issues/{number}",
        "id": id,
        "node_id": node_id("IC", repo, id),
        **written(author, body, at, updated),
        "reactions": {"url": f"{API}/repos/{full_name}/issues/comments/{id}/reactions", "total_count": 0},
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
    at: float | None = None,
    updated: float | None = None,
) -> Json:
    """A comment on a pull request's diff. It does not say which app wrote it."""
    page = f"{WEB}/{full_name}/pull/{number}#discussion_r{id}"
    found: Json = {
        "url": f"{API}/repos/{full_name}/pulls/comments/{id}",
        "pull_request_review_id": 4_000_000 + id,
        "id": id,
        "node_id": node_id("PRRC", repo, id),
        "diff_hunk": "@@ -1,1 +1,1 @@\n-old\n+new",
        "path": "README.md",
        "commit_id": "6dcb09b5b57875f334f61aebed695e2e4193db5e",
        "original_commit_id": "6dcb09b5b57875f334f61aebed695e2e4193db5e",
        **written(author, body, at, updated),
        "html_url": page,
        "pull_request_url": f"{API}/repos/{full_name}/pulls/{number}",
        "line": 1,
        "side": "RIGHT",
        "subject_type": "line",
        "_links": {"self": {"href": f"{API}/repos/{full_name}/pulls/comments/{id}"}, "html": {"href": page}},
    }
    return found if reply_to is None else found | {"in_reply_to_id": reply_to}


def discussion(
    full_name: str, repo: int, number: int, author: Json, *, title: str, body: str, at: float | None
) -> Json:
    """A discussion."""
    return {
        "repository_url": f"{API}/repos/{full_name}",
        "category": {"id": 1, "name": "Q&A", "slug": "q-a", "is_answerable": True},
        "html_url": f"{WEB}/{full_name}/discussions/{number}",
        "id": DISCUSSIONS + number,
        "node_id": node_id("D", repo, DISCUSSIONS + number),
        "number": number,
        "title": title,
        "state": "open",
        "locked": False,
        "comments": 1,
        **written(author, body, at),
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
        **written(author, body, at),
        "reactions": {"url": f"{API}/repos/{full_name}/discussions/{number}/comments/{id}/reactions", "total_count": 0},
    }
