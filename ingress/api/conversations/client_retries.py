"""A client's own retry, known by what the client says of it: the first request again, not another message.

OpenAI's clients, and all others that Stainless generates (Anthropic's, Cloudflare's, …; LangChain uses OpenAI's), send
no Idempotency-Key. They count their tries in a header, 0 for the first, and send the same body each time:
https://github.com/openai/openai-python/blob/main/src/openai/_base_client.py. A client that counts nothing, Vercel's AI
SDK say, cannot be known: it has to name its requests.
"""

from __future__ import annotations

import secrets
from hashlib import sha256

from aiohttp import web

from answerback.store import Database
from answerback.store.access.idempotency import Idempotency

from ..context import Principal
from ..route import Route

HEADER = "X-Stainless-Retry-Count"
SLACK = 60.0
"""Seconds that a client may rest between two tries, and that its request may be on its way."""


class Retries:
    """The requests whose clients count their tries. One is remembered for as long as a turn may take."""

    def __init__(self, database: Database, turn: float) -> None:
        self._store = Idempotency(database)
        self.seconds = turn + SLACK

    async def find(self, request: web.Request, route: Route, caller: Principal, body: bytes) -> str | None:
        """What the request is known by: the same as at its first try. None for a client that does not count."""
        count = request.headers.get(HEADER, "")
        # A handler that may be run again does nothing twice. All visitors of a page share its publishable key.
        if route.repeated != "handler" or caller.kind == "pub" or not (count.isascii() and count.isdigit()):
            return None
        address = f"{route.method} {request.rel_url.raw_path_qs}"
        digest = sha256(b"\n".join((caller.workspace.encode(), caller.id.encode(), address.encode(), body))).hexdigest()
        return await self._store.attempt(digest, secrets.token_hex(32), self.seconds, first=int(count[:9]) == 0)
