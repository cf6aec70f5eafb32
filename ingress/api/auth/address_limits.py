"""Rate limits per client address: opening sessions with a publishable key, requests in them, and invalid keys.

They are checked before the rate limit of the key, so that one visitor cannot use up what all visitors share. Each
process counts on its own.
"""

from __future__ import annotations

import math
import time
from hashlib import blake2b

from aiohttp import web
from prometheus_client import Counter

from answerback.log import get_logger
from answerback.settings import Settings

from ...limits import Bucket, ClientAddresses, prefix
from ...problems import Problem
from ..context import Principal

log = get_logger(__name__)

LIMITED = Counter("answerback_api_limited", "API requests over a limit for one address", ["limit"])
REMEMBERED = 10_000
"""Recently valid credentials to remember: their holders are not limited by other clients at the same address."""


class AddressLimits:
    """The per-address limits of one process."""

    def __init__(self, settings: Settings) -> None:
        self._addresses = ClientAddresses(settings.trusted_proxies)
        self._sessions = Bucket(settings.session_rate_per_ip) if settings.session_rate_per_ip else None
        self._visits = Bucket(settings.visitor_rate_per_ip) if settings.visitor_rate_per_ip else None
        self._failures = Bucket(settings.wrong_key_rate_per_ip) if settings.wrong_key_rate_per_ip else None
        self._valid: dict[bytes, None] = {}
        self._warned = False

    def count_request(self, request: web.Request, caller: Principal) -> None:
        """Count a request of a publishable key or a session. Raises `Problem` (429) over the limit."""
        if caller.kind == "pub" and self._sessions:
            self._take("sessions", self._sessions, request)
        elif caller.kind == "ses" and self._visits:
            self._take("visitors", self._visits, request)

    def check(self, request: web.Request, credential: str) -> bytes:
        """Return a digest of a credential, for `record_valid`. Call it before the lookup.

        Raises `Problem` (429) after too many invalid credentials from an address.
        """
        digest = _digest(credential)
        if not credential or not self._failures or digest in self._valid:
            return digest
        if wait := self._failures.wait(self._address(request), time.monotonic()):
            raise self._refused("wrong keys", wait, request)
        return digest

    def record_valid(self, digest: bytes) -> None:
        """Remember a valid credential."""
        self._valid.pop(digest, None)
        self._valid[digest] = None
        if len(self._valid) > REMEMBERED:
            del self._valid[next(iter(self._valid))]

    def record_invalid(self, request: web.Request, credential: str) -> None:
        """Count an invalid credential."""
        self._valid.pop(_digest(credential), None)
        if self._failures:
            self._failures.take(self._address(request), time.monotonic())

    def _take(self, limit: str, bucket: Bucket, request: web.Request) -> None:
        if wait := bucket.take(self._address(request), time.monotonic()):
            raise self._refused(limit, wait, request)

    def _refused(self, limit: str, wait: float, request: web.Request) -> Problem:
        LIMITED.labels(limit).inc()
        if self._addresses.behind_unknown_proxy(request) and not self._warned:
            self._warned = True
            log.warning("proxy rate-limited as one client; add it to TRUSTED_PROXIES", proxy=request.remote)
        what = {"visitors": "requests", "wrong keys": "invalid keys"}.get(limit, limit)
        detail = f"too many {what} from this address; try again later"
        return Problem(429, detail, code="rate-limited", retry_after=math.ceil(wait))

    def _address(self, request: web.Request) -> str:
        return prefix(self._addresses.address(request))


def _digest(credential: str) -> bytes:
    return blake2b(credential.encode(errors="replace"), digest_size=16).digest()
