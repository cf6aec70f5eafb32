"""`/`, `/assets/…` and `/widget.js`: public static files. Their data comes from the API."""

from __future__ import annotations

import gzip
import mimetypes
from collections.abc import Mapping
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from aiohttp import web

from .bundle import bundle

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
SERVED = (".css", ".html", ".js", ".svg")


class StaticFile:
    """A static file, kept in memory."""

    def __init__(self, name: str, text: str, headers: Mapping[str, str]) -> None:
        self._body = text.encode()
        tag = f'"{sha256(self._body).hexdigest()[:20]}"'
        kind = mimetypes.guess_type(name)[0] or "text/plain"
        # Browsers revalidate on every load, so that a page never mixes two versions.
        common = {"Content-Type": f"{kind}; charset=utf-8", "ETag": tag, "Cache-Control": "no-cache"}
        self._headers = {**headers, **common, "Vary": "Accept-Encoding"}

    @cached_property
    def _packed(self) -> bytes:
        return gzip.compress(self._body, 9, mtime=0)

    async def get(self, request: web.Request) -> web.Response:
        """Return the file, compressed if the client accepts gzip, or 304."""
        if self._headers["ETag"] in request.headers.get("If-None-Match", "").split(", "):
            return web.Response(status=304, headers=self._headers)
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            return web.Response(body=self._packed, headers={**self._headers, "Content-Encoding": "gzip"})
        return web.Response(body=self._body, headers=self._headers)


def pages() -> list[web.RouteDef]:
    """Return the routes of all static files."""
    here = Path(__file__).parent
    assets = [here.joinpath(name) for name in ("conversation.js", "stream.js")]
    for folder in ("dashboard", "markdown"):
        assets += [file for file in here.joinpath(folder).iterdir() if file.suffix in SERVED]
    files = {
        f"/assets/{file.relative_to(here).as_posix()}": StaticFile(file.name, file.read_text(), HEADERS)
        for file in assets
    }
    files["/"] = files["/assets/dashboard/index.html"]
    # Any page may load the widget; the API decides what its key may do there.
    everywhere = {"Cross-Origin-Resource-Policy": "cross-origin", "X-Content-Type-Options": "nosniff"}
    widget = bundle(here.joinpath("widget"))
    files["/widget.js"] = StaticFile("widget.js", widget, everywhere | {"Access-Control-Allow-Origin": "*"})
    return [web.get(path, file.get) for path, file in files.items()]
