"""Limits by address for what anybody can do: open sessions with a page's key, talk in them, and show wrong keys.

They come beside the allowance that each key has, and before it: one visitor must not use up what all share. Each
process counts for itself.
"""

from __future__ import annotations

import math
import time
from hashlib import blake2b

from aiohttp import web
from prometheus_client import Counter

from answerback.log import get_logger
from answerback.settings import Settings

from ...limits import Bucket, Clients, prefix
from ...problems import Problem
from ..context import Principal

log = get_logger(__name__)

LIMITED = Counter("answerback_api_limited", "API requests over a limit for one address", ["limit"])
KNOWN = 10_000
"""Credentials that were good lately: whoever shows one of them is not held up by what others do at the same address."""


class Strangers:
    """The limits of one process. Its methods raise `Problem` (429)."""

    def __init__(self, settings: Settings) -> None:
        self._clients = Clients(settings.trusted_proxies)
        self._sessions = Bucket(settings.session_rate_per_ip) if settings.session_rate_per_ip else None
        self._visits = Bucket(settings.visitor_rate_per_ip) if settings.visitor_rate_per_ip else None
        self._failures = Bucket(settings.wrong_key_rate_per_ip) if settings.wrong_key_rate_per_ip else None
        self._known: dict[bytes, None] = {}
        self._warned = False

    def visit(self, request: web.Request, caller: Principal) -> None:
        """A caller was found: is it one visitor of a page too often?"""
        if caller.kind == "pub" and self._sessions:
            self._take("sessions", self._sessions, request)
        elif caller.kind == "ses" and self._visits:
            self._take("visitors", self._visits, request)

    def knock(self, request: web.Request, credential: str) -> None:
        """A credential is to be looked up: were there too many wrong ones from its address?"""
        if not credential or not self._failures or _digest(credential) in self._known:
            return
        if wait := self._failures.wait(self._address(request), time.monotonic()):
            raise self._refused("wrong keys", wait, request)

    def came_in(self, credential: str) -> None:
        """It was good."""
        digest = _digest(credential)
        self._known.pop(digest, None)
        self._known[digest] = None
        if len(self._known) > KNOWN:
            del self._known[next(iter(self._known))]

    def was_wrong(self, request: web.Request, credential: str) -> None:
        """It opens nothing."""
        self._known.pop(_digest(credential), None)
        if self._failures:
            self._failures.take(self._address(request), time.monotonic())

    def _take(self, limit: str, bucket: Bucket, request: web.Request) -> None:
        if wait := bucket.take(self._address(request), time.monotonic()):
            raise self._refused(limit, wait, request)

    def _refused(self, limit: str, wait: float, request: web.Request) -> Problem:
        LIMITED.labels(limit).inc()
        if self._clients.hidden(request) and not self._warned:
            self._warned = True
            log.warning("a proxy is limited as one address: name it in TRUSTED_PROXIES", proxy=request.remote)
        detail = f"too many {limit if limit != 'visitors' else 'requests'} from this address, come back later"
        return Problem(429, detail, code="rate-limited", retry_after=math.ceil(wait))

    def _address(self, request: web.Request) -> str:
        return prefix(self._clients.address(request))


def _digest(credential: str) -> bytes:
    return blake2b(credential.encode(errors="replace"), digest_size=16).digest()
