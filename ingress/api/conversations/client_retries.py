"""Recognize automatic retries of clients, so that a retry does not become a second message.

OpenAI's clients, and all others that Stainless generates (Anthropic's, Cloudflare's, …; LangChain uses OpenAI's), send
no Idempotency-Key. They count attempts in a header, from 0, and send the same body each time:
https://github.com/openai/openai-python/blob/main/src/openai/_base_client.py. The retries of a client that does not
count, such as Vercel's AI SDK, cannot be recognized: it has to send an Idempotency-Key.
"""

from __future__ import annotations

import secrets
from hashlib import sha256

from aiohttp import web

from answerback.store.access.idempotency import Idempotency
from answerback.store.redis import Database

from ..context import Principal
from ..route import Route

HEADER = "X-Stainless-Retry-Count"
SLACK = 60.0
"""Seconds for the client's pause between two attempts and for the transfer of its request."""


class Retries:
    """Requests of clients that count their attempts, each remembered for as long as a turn may take."""

    def __init__(self, database: Database, turn: float) -> None:
        self._store = Idempotency(database)
        self.seconds = turn + SLACK

    async def find(self, request: web.Request, route: Route, caller: Principal, body: bytes) -> str | None:
        """Return the idempotency digest of the first attempt; None for a client that does not count."""
        count = request.headers.get(HEADER, "")
        # Only handlers that can run again without doing anything twice. Visitors of a page share its publishable key.
        if route.repeated != "handler" or caller.kind == "pub" or not (count.isascii() and count.isdigit()):
            return None
        address = f"{route.method} {request.rel_url.raw_path_qs}"
        digest = sha256(b"\n".join((caller.workspace.encode(), caller.id.encode(), address.encode(), body))).hexdigest()
        return await self._store.attempt(digest, secrets.token_hex(32), self.seconds, first=int(count[:9]) == 0)
