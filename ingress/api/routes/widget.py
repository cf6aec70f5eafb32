"""`POST /widget/check`: whether a publishable key opens anything for the page that asks, in words the page can read.

Of a refusal to an origin that is not allowed, a browser shows a page nothing: to its script the network seems to be
away. This route needs no preflight (https://fetch.spec.whatwg.org/#simple-requests), and any page may read its answer.
It says no more than a request with that key would.
"""

from __future__ import annotations

from aiohttp import web

from ...problems import explained, rendered
from .. import parsing as body
from ..auth.callers import Authenticator

LIMIT = 500
"""Bytes of a key, at most."""


class KeyCheck:
    """Answers what the widget asks when it got no answer."""

    def __init__(self, callers: Authenticator, timeout: float) -> None:
        self._callers = callers
        self._timeout = timeout

    async def post(self, request: web.Request) -> web.StreamResponse:
        """Answer `{"usable": true}`, or false with the `code` and `detail` of the problem. The body is the key."""
        headers = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        try:
            text = (await body.read(request, LIMIT, self._timeout)).decode(errors="replace")
            refusal = await self._callers.refusal(text, request)
        except Exception as error:  # noqa: BLE001  # logged by `explained`
            return rendered(explained(error, request.path))
        if refusal is None:
            return web.json_response({"usable": True}, headers=headers)
        origin = request.headers.get("Origin", "")
        detail = refusal.detail
        if refusal.code == "wrong-origin":
            detail = f"this key is not for pages of {origin or 'no origin'}: make one with --origin {origin or '…'}"
        return web.json_response({"usable": False, "code": refusal.code, "detail": detail}, headers=headers)
