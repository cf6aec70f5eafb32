"""`POST /widget/check`: tell any page whether it can use a publishable key, and why not.

A browser hides responses from an origin that CORS does not allow, so that scripts see a network error. This route needs
no preflight (https://fetch.spec.whatwg.org/#simple-requests), and any page may read its response. It reveals no more
than a request with the key would.
"""

from __future__ import annotations

from aiohttp import web

from ...problems import explained, rendered
from .. import parsing
from ..auth.authenticator import Authenticator

LIMIT = 500
"""The largest key, in bytes."""


class KeyCheck:
    """The check that the widget makes after a network error."""

    def __init__(self, callers: Authenticator, timeout: float) -> None:
        self._callers = callers
        self._timeout = timeout

    async def post(self, request: web.Request) -> web.StreamResponse:
        """Return `{"usable": true}`, or false with the `code` and `detail` of the problem. The body is the key."""
        headers = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        try:
            text = (await parsing.read_body(request, LIMIT, self._timeout)).decode(errors="replace")
            refusal = await self._callers.refusal(text, request)
        except Exception as error:  # noqa: BLE001  # logged by `explained`
            return rendered(explained(error, request.path))
        if refusal is None:
            return web.json_response({"usable": True}, headers=headers)
        origin = request.headers.get("Origin", "")
        detail = refusal.detail
        if refusal.code == "wrong-origin":
            detail = (
                f"this key does not allow the origin {origin or '(none)'}; use --origin {origin or '…'} for a new one"
            )
        return web.json_response({"usable": False, "code": refusal.code, "detail": detail}, headers=headers)
