"""`POST /webhooks/{platform}`: verify, parse, store, and only then acknowledge."""

from __future__ import annotations

import asyncio
import math
import time
from functools import cache

import msgspec
from aiohttp import web
from multidict import CIMultiDict
from prometheus_client import Counter

from answerback.errors import MalformedBody, StoreFull, StoreUnavailable
from answerback.log import get_logger
from answerback.messages import Amendment, Event
from answerback.platforms import PLATFORMS, Handshake, Ignored, Platform, Refusal
from answerback.settings import Settings
from answerback.store import Outbox, Receipt, Threads
from answerback.store.threads.receipt import OWN

from .limits import Clients, Limits
from .metrics import DELIVERIES, LIMITED, REFUSED, WARNED
from .problems import BROKEN_OFF, problem

log = get_logger(__name__)

_encode = msgspec.json.Encoder().encode
_JSON = CIMultiDict({"Content-Type": "application/json"})

CONTENT_TYPES = frozenset({"application/json", "application/x-www-form-urlencoded", ""})
"""What a body may be called; "" is a request that does not say. So is every "application/…+json" (RFC 6839)."""
WAITING_LIMIT = 10_000
"""Requests that may wait for Redis at once; more are sent away to come back."""
HELD_LIMIT = 256 * 1024 * 1024
"""Bytes of bodies not yet whole, at once; above, those larger than `FAIR_SHARE` are sent away to come back."""
FAIR_SHARE = 256 * 1024


class Webhooks:
    """The webhooks of every configured platform.

    A 202 means: stored, or known to need no storing. Its body is
    `{"dispatch_id", "thread", "status": "accepted" | "duplicate" | "ignored", "reason"}`.
    """

    def __init__(self, settings: Settings, threads: Threads) -> None:
        self._threads = threads
        self._outbox = Outbox(threads)
        self._limit = settings.body_limit
        self._read_timeout = settings.read_timeout
        self._accept_timeout = settings.accept_timeout
        self._secrets = {name: settings.secrets(name) for name in PLATFORMS}
        self._clients = Clients(settings.trusted_proxies)
        self._limits = Limits(settings, self._clients) or None
        self._waiting = 0
        self._held = 0

    async def post(self, request: web.BaseRequest) -> web.Response:
        """Handle one delivery."""
        name = request.path.rstrip("/").rpartition("/")[2]
        try:
            response = await self._answer(name, request)
        except Exception:
            # A mistake of ours: the provider keeps the delivery and tries again.
            log.exception("webhook failed", platform=name)
            response = problem(503, "something went wrong here, try again", retry_after=5)
        _counter(name, response.status).inc()
        return response

    async def _answer(self, name: str, request: web.BaseRequest) -> web.Response:
        platform, secrets = PLATFORMS[name], self._secrets[name]
        if not secrets:
            # The log says what is missing; a stranger learns nothing.
            log.warning("webhook for a platform that is not configured", platform=name, missing=platform.SECRET)
            return problem(404, "no such webhook")
        if self._limits and (over := self._limits.check(name, request)):
            LIMITED.labels(name, over.by).inc()
            return problem(429, "too many requests, come back later", retry_after=math.ceil(over.wait))
        if not _readable(request):
            return problem(415, "send JSON, not compressed")
        if request.content_length is not None and request.content_length > self._limit:
            return problem(413, f"at most {self._limit} bytes")
        body = await request.read() if request.content.is_eof() else await self._body(request)
        if isinstance(body, web.Response):
            return body
        if refusal := self._refusal(platform, secrets, request, body):
            REFUSED.labels(name, refusal.reason).inc()
            log.info("webhook refused", platform=name, reason=refusal, remote=self._clients.address(request))
            return problem(401, "not signed as configured")
        try:
            parsed = platform.parse(request.headers, body)
        except MalformedBody as error:
            log.warning("signed webhook does not parse", platform=name, error=str(error))
            return problem(400, str(error))
        if isinstance(parsed, Handshake):
            return web.Response(body=parsed.body, content_type=parsed.content_type)
        if isinstance(parsed, Ignored):
            return _ignored(name, parsed)
        return await self._store(name, parsed)

    async def _body(self, request: web.BaseRequest) -> bytes | web.Response:
        """A body that is still on its way. It is a stranger's until it is verified: it gets little time and room."""
        body = bytearray()
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0
        try:
            async with asyncio.timeout(self._read_timeout):
                async for chunk in request.content.iter_any():
                    body += chunk
                    self._held += len(chunk)
                    if len(body) > self._limit:
                        return problem(413, f"at most {self._limit} bytes")
                    if len(body) > FAIR_SHARE and self._held > HELD_LIMIT:
                        return problem(503, "too much at once, try again", retry_after=1)
        except TimeoutError:
            return problem(408, "the body did not arrive in time")
        except BROKEN_OFF:
            return problem(400, "the body broke off")
        finally:
            self._held -= len(body)
        return bytes(body)

    def _refusal(self, platform: Platform, secrets: list[str], request: web.BaseRequest, body: bytes) -> Refusal | None:
        headers = request.headers
        for header in platform.HEADERS:
            if len(headers.getall(header, ())) > 1:
                return Refusal("doubled", f"there is more than one {header} header")
        return platform.verify(secrets, headers, body, time.time())

    async def _store(self, name: str, events: list[Event | Amendment]) -> web.Response:
        if self._waiting >= WAITING_LIMIT:
            return problem(503, "too much at once, try again", retry_after=1)
        self._waiting += 1
        try:
            # An amendment is several calls: together they have no longer than one event.
            async with asyncio.timeout(self._accept_timeout):
                receipts = [await self._put(event) for event in events]
        except MalformedBody as error:
            log.warning("signed webhook cannot be stored", platform=name, error=str(error))
            return problem(400, str(error))
        except (StoreUnavailable, StoreFull, TimeoutError) as error:
            # It may be stored all the same: then the provider's next try is a duplicate. That Redis is away is logged
            # once, by the guard: a line for each delivery would fill the disk.
            log.debug("delivery not acknowledged", platform=name, error=str(error))
            return problem(503, "cannot store it now, try again", retry_after=2)
        finally:
            self._waiting -= 1
        for event, receipt in zip(events, receipts, strict=True):
            log.debug("delivery", delivery=event.delivery, thread=event.thread, status=receipt.status)
        return _receipt(receipts[0])

    async def _put(self, event: Event | Amendment) -> Receipt:
        if isinstance(event, Amendment):
            return await self._threads.amend(event)
        receipt = await self._threads.accept(event)
        if receipt.reason == OWN and event.reply and await self._outbox.confirm(event):
            log.debug("a reply was confirmed by its platform", reply=event.reply, thread=event.thread)
        return receipt


def _readable(request: web.BaseRequest) -> bool:
    """Whether the body is called JSON or a form, and is sent as it is ("identity": RFC 9110, section 8.4.1)."""
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    return encoding in ("", "identity") and (kind in CONTENT_TYPES or kind.endswith("+json"))


def _ignored(name: str, ignored: Ignored) -> web.Response:
    if ignored.warning:
        WARNED.labels(name, ignored.warning).inc()
        log.warning("webhook warns", platform=name, warning=ignored.warning, reason=ignored.reason)
    return web.Response() if ignored.quiet else _receipt(Receipt("", "", "ignored", ignored.reason))


@cache
def _counter(platform: str, status: int) -> Counter:
    # A labelled counter is looked up under a lock; these few are kept.
    return DELIVERIES.labels(platform, status)


def _receipt(receipt: Receipt) -> web.Response:
    return web.Response(status=202, body=_encode(receipt), headers=_JSON)
