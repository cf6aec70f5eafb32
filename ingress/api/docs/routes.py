"""`GET /api/v1/openapi.json` and `/api/v1/docs`: the API documentation, for programs and for people. No key needed."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256

from aiohttp import web

from ..context import RequestContext
from ..route import BASE, Route
from .openapi import document
from .page import CSS, page


class Description:
    """The documentation of `routes` and of its own two routes."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._others = routes

    def routes(self) -> list[Route]:
        """Return the routes of the document and the page."""
        return [
            Route(
                method="GET",
                path=f"{BASE}/openapi.json",
                handler=self.get_document,
                scope=None,
                summary="Get the OpenAPI 3.1 document of this API",
                tag="Description",
                streams="application/json",
            ),
            Route(
                method="GET",
                path=f"{BASE}/docs",
                handler=self.get_page,
                scope=None,
                summary="Read the documentation of this API",
                tag="Description",
                streams="text/html",
            ),
        ]

    @cached_property
    def _document(self) -> dict[str, object]:
        return document([*self._others, *self.routes()])

    @cached_property
    def _json(self) -> str:
        return json.dumps(self._document)

    @cached_property
    def _page(self) -> str:
        return page(self._document)

    async def get_document(self, call: RequestContext) -> web.Response:
        """Return the OpenAPI document."""
        return web.Response(text=self._json, content_type="application/json", headers={"Cache-Control": "no-cache"})

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
