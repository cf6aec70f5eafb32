"""The manifest of a GitHub App.

https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from answerback.platforms.github.kinds import KINDS
from answerback.platforms.manifest import AppRequest, Feature, ManifestSupport

_PERMISSIONS = {"metadata": "read", "issues": "write", "pull_requests": "write", "discussions": "write"}
_CHECKS = {"checks": "write"}
_PURPOSES = {
    "metadata": "to find repositories",
    "issues": "to read issues and to reply",
    "pull_requests": "to read pull requests and to reply",
    "discussions": "to read discussions and to reply",
    "checks": "for check runs",
}


def _permissions(features: frozenset[Feature]) -> dict[str, str]:
    return _PERMISSIONS | (_CHECKS if "checks" in features else {})


def _events(features: frozenset[Feature]) -> list[str]:
    return sorted([*KINDS, *(["check_run"] if "checks" in features else [])])


def document(app: AppRequest) -> Mapping[str, object]:
    """See `ManifestSupport`."""
    if app.socket:
        raise ValueError("GitHub has no connections that we could open: leave out --socket")
    if not app.url.startswith("https://"):
        raise ValueError("GitHub sends webhooks to an https URL: give it with --url")
    return {
        "name": app.name[:34],
        "url": app.url,
        "hook_attributes": {"url": f"{app.url}/webhooks/github", "active": True},
        "public": app.installs,
        "default_permissions": _permissions(app.features),
        "default_events": _events(app.features),
    }


def link(app: AppRequest) -> str:
    """https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-using-url-parameters"""
    manifest = document(app)
    query = {
        "name": manifest["name"],
        "url": app.url,
        "webhook_url": f"{app.url}/webhooks/github",
        "webhook_active": "true",
        "public": str(app.installs).lower(),
        **_permissions(app.features),
        "events[]": _events(app.features),
    }
    return f"https://github.com/settings/apps/new?{urlencode(query, doseq=True)}"


def grants(features: frozenset[Feature]) -> Mapping[str, str]:
    """See `ManifestSupport`."""
    permissions = {f"{name}:{level}": _PURPOSES[name] for name, level in _permissions(features).items()}
    return permissions | {f"event {name}": "to receive its webhooks" for name in _events(features)}


APP = ManifestSupport(
    document, link, grants,
    repair="add it in the app's settings at GitHub under Permissions & events, and accept it where it is installed",
)  # fmt: skip
