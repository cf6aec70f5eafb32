"""Where a mounted application is, and the rest of a request's path."""

from __future__ import annotations

from urllib.parse import quote, unquote

from .types import Scope


def root_of(scope: Scope) -> str:
    """Return the percent-encoded path at which the application is mounted; "" at the root."""
    return quote(scope.get("root_path", "").rstrip("/"))


def local_path(scope: Scope) -> str:
    """Return the percent-encoded path of a request below the mount.

    `path` includes `root_path` in ASGI, but not with every server; `raw_path` is optional, and in some servers lacks
    their own `root_path`: https://asgi.readthedocs.io/en/stable/specs/www.html.
    """
    root, path = scope.get("root_path", "").rstrip("/"), scope["path"]
    below = path[len(root) :] if root and (path == root or path.startswith(f"{root}/")) else path
    raw = (scope.get("raw_path") or b"").decode("latin-1")
    # `path` does not tell "%2F" from "/": take the part of the original that decodes to the rest.
    start = raw.find("/")
    while start >= 0:
        if unquote(raw[start:]) == below:
            return raw[start:]
        start = raw.find("/", start + 1)
    return quote(below, errors="surrogateescape")
