"""The dashboard's cookie: what it is called, and what must come with it so that no other page can use it."""

from __future__ import annotations

import hmac
from hashlib import sha256

from aiohttp import web

from ...problems import Problem

COOKIE = "answerback"
HEADER = "X-CSRF-Token"


def csrf(secret: str) -> str:
    """What a page must say to change something: it can be made of the cookie, and the cookie not of it."""
    return hmac.digest(secret.encode(), b"csrf", sha256).hex()


def foreign(request: web.Request) -> bool:
    """Whether another origin's page asks, by the browser's own word, which no script can change.

    https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
    """
    return request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")


def check(request: web.Request, secret: str) -> None:
    """Refuse what the dashboard itself did not ask for. Raises `Problem`: 403."""
    if foreign(request):
        raise Problem(403, "the dashboard's cookie is for its own page", code="wrong-origin")
    if request.method not in ("GET", "HEAD"):
        given = request.headers.get(HEADER, "")
        if not given.isascii() or not hmac.compare_digest(given, csrf(secret)):
            raise Problem(403, f"with the dashboard's cookie, send {HEADER}: GET /api/v1/admin/session tells it")
