"""GitHub's accounts and repositories as JSON, as in its REST responses and its webhooks.

All fields that GitHub's own schemas require, in its own shape:
https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

from answerback.testing.standins.github.nodes import node_id
from answerback.testing.standins.values import Json, moment

API = "https://api.github.com"
WEB = "https://github.com"
DISCUSSIONS = 5_000_000
"""A discussion's id is its number plus this."""

REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")

_USERS_LINKS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}
_REPOSITORYS_LINKS = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}


def repository_id(full_name: str) -> int:
    """Return the default id of a repository, which depends on its name only."""
    return 100_000_000 + zlib.crc32(full_name.lower().encode()) % 800_000_000


def user(login: str, id: int, type: str = "User") -> Json:
    """A user; `type` is "User", "Bot" or "Organization"."""
    url = f"{API}/users/{login}"
    return {
        "login": login,
        "id": id,
        "node_id": node_id("BOT" if type == "Bot" else "U", id),
        "avatar_url": f"https://avatars.githubusercontent.com/u/{id}?v=4",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{WEB}/{'apps/' + login.removesuffix('[bot]') if type == 'Bot' else login}",
        **{name: url + path for name, path in _USERS_LINKS.items()},
        "type": type,
        "site_admin": False,
    }


def profile(login: str, id: int, type: str = "User") -> Json:
    """A user as `GET /users/{username}` shows it to anybody."""
    missing = dict.fromkeys(("company", "location", "email", "hireable", "bio", "twitter_username"))
    counts = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    dates = {"created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-01T00:00:00Z"}
    name = login.removesuffix("[bot]").title()
    return user(login, id, type) | missing | counts | dates | {"name": name, "blog": "", "user_view_type": "public"}


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
        "permissions": {"checks": "write", "discussions": "write", "issues": "write", "pull_requests": "write"},
        "events": ["issues", "issue_comment", "pull_request_review_comment", "discussion_comment"],
    }


INSTALLATION = 77
"""The app's installation in every repository; any other number is accepted as well."""


def team(slug: str) -> Json:
    """A team of the organization acme."""
    url = f"{API}/organizations/4101/team/7001"
    return {
        "id": 7001,
        "node_id": node_id("T", 7001),
        "name": slug.capitalize(),
        "slug": slug,
        "description": None,
        "privacy": "closed",
        "notification_setting": "notifications_enabled",
        "permission": "push",
        "url": url,
        "html_url": f"{WEB}/orgs/acme/teams/{slug}",
        "members_url": f"{url}/members{{/member}}",
        "repositories_url": f"{url}/repos",
        "parent": None,
    }


def installation(id: int, app_id: int, slug: str, *, suspended: Json | None = None) -> Json:
    """An app's installation: 77 is that of acme, another one of an organization of its own. `suspended`: who did it."""
    owner, number = ("acme", 4101) if id == INSTALLATION else (f"org-{id}", 4_000_000 + id)
    return {
        "id": id,
        "account": user(owner, number, "Organization"),
        "repository_selection": "all",
        "access_tokens_url": f"{API}/app/installations/{id}/access_tokens",
        "repositories_url": f"{API}/installation/repositories",
        "html_url": f"{WEB}/organizations/{owner}/settings/installations/{id}",
        "app_id": app_id,
        "app_slug": slug,
        "target_id": number,
        "target_type": "Organization",
        "permissions": app(app_id, slug)["permissions"],
        "events": app(app_id, slug)["events"],
        "created_at": "2024-01-01T00:00:00Z",
        "updated_at": "2024-01-01T00:00:00Z",
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": suspended,
        "suspended_at": None if suspended is None else moment(),
    }


def repository(full_name: str, id: int, *, private: bool = False) -> Json:
    """A repository."""
    owner, _, name = full_name.partition("/")
    url = f"{API}/repos/{full_name}"
    counts = ("forks", "forks_count", "open_issues", "open_issues_count", "size", "stargazers_count", "watchers")
    absent = ("description", "homepage", "language", "license", "mirror_url")
    return {
        "id": id,
        "node_id": node_id("R", id),
        "name": name,
        "full_name": full_name,
        "private": private,
        "owner": user(owner, 4101, "Organization"),
        "html_url": f"{WEB}/{full_name}",
        "url": url,
        **{link: url + path for link, path in _REPOSITORYS_LINKS.items()},
        "clone_url": f"{WEB}/{full_name}.git",
        "git_url": f"git://github.com/{full_name}.git",
        "ssh_url": f"git@github.com:{full_name}.git",
        "svn_url": f"{WEB}/{full_name}",
        "default_branch": "main",
        **dict.fromkeys((*counts, "watchers_count"), 0),
        **dict.fromkeys(absent),
        **dict.fromkeys(("has_downloads", "has_issues", "has_projects", "has_wiki", "has_discussions"), True),
        **dict.fromkeys(("allow_forking", "web_commit_signoff_required"), False),
        **dict.fromkeys(("fork", "has_pages", "archived", "disabled", "is_template"), False),
        "visibility": "private" if private else "public",
        "topics": [],
        "created_at": "2024-01-01T00:00:00Z",
        "updated_at": "2024-01-01T00:00:00Z",
        "pushed_at": "2024-01-01T00:00:00Z",
    }


def reactions(url: str, counts: Mapping[str, int] | None = None) -> Json:
    """The summary of the reactions to a text. `counts`: by content."""
    found = {content: (counts or {}).get(content, 0) for content in REACTIONS}
    return {"url": f"{url}/reactions", "total_count": sum(found.values()), **found}


def written(author: Json, body: str, at: float | None, updated: float | None = None, association: str = "NONE") -> Json:
    """Return the fields that all texts have. Times are seconds since 1970; None: now."""
    return {
        "user": author,
        "created_at": moment(at),
        "updated_at": moment(at if updated is None else updated),
        "author_association": association,
        "body": body,
    }
