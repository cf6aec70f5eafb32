"""The dashboard's session cookie and its CSRF protection."""

from __future__ import annotations

import hmac
from hashlib import sha256

from aiohttp import web

from ...problems import Problem

COOKIE = "answerback"
HEADER = "X-CSRF-Token"


def csrf(secret: str) -> str:
    """Return the CSRF token of a cookie. It is derived from the secret one way, so it does not reveal the cookie."""
    return hmac.digest(secret.encode(), b"csrf", sha256).hex()


def foreign(request: web.Request) -> bool:
    """Return whether the request comes from a page of another origin.

    The browser sets this header, and scripts cannot: https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
    """
    return request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")


def check(request: web.Request, secret: str) -> None:
    """Refuse a cookie request that does not come from the dashboard. Raises `Problem`: 403."""
    if foreign(request):
        raise Problem(403, "the dashboard's cookie works only from its own page", code="wrong-origin")
    if request.method not in ("GET", "HEAD"):
        token = request.headers.get(HEADER, "")
        if not token.isascii() or not hmac.compare_digest(token, csrf(secret)):
            raise Problem(403, f"with the dashboard's cookie, send {HEADER}; GET /api/v1/admin/session returns it")
