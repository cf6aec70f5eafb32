"""`GET /api/v1/openapi.json` and `/api/v1/docs`: the API documentation, for programs and for people. No key needed."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256

from aiohttp import web

from ..context import RequestContext, root_path
from ..route import Route, collect, route
from .openapi import document
from .page import CSS, page


class Description:
    """The documentation of `routes` and of its own two routes."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._others = routes

    def routes(self) -> list[Route]:
        """Return the routes of the document and the page."""
        return collect(self, tag="Description")

    @cached_property
    def _document(self) -> dict[str, object]:
        return document([*self._others, *self.routes()])

    @cached_property
    def _json(self) -> str:
        return json.dumps(self._document)

    @cached_property
    def _page(self) -> str:
        return page(self._document)

    @route(
        "GET",
        "/openapi.json",
        scope=None,
        summary="Get the OpenAPI 3.1 document of this API",
        streams="application/json",
    )
    async def get_document(self, call: RequestContext) -> web.Response:
        """Return the OpenAPI document."""
        root = root_path(call.request)
        text = json.dumps({**self._document, "servers": [{"url": root}]}) if root else self._json
        return web.Response(text=text, content_type="application/json", headers={"Cache-Control": "no-cache"})

    @route("GET", "/docs", scope=None, summary="Read the documentation of this API", streams="text/html")
    async def get_page(self, call: RequestContext) -> web.Response:
        """Return the HTML page. Its policy allows only its own style, by hash; no scripts and no other resources."""
        style = base64.b64encode(sha256(CSS.encode()).digest()).decode()
        rules = f"default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'"
        headers = {
            "Content-Security-Policy": f"{rules}; frame-ancestors 'none'",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-cache",
        }
        return web.Response(text=self._page, content_type="text/html", headers=headers)
