"""`/webhooks/{platform}`: verify, parse and store a delivery, then acknowledge it."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from functools import cache, lru_cache

import msgspec
from aiohttp import web
from multidict import CIMultiDict
from prometheus_client import Counter

from answerback import tracing
from answerback.accepting.acceptor import Acceptor
from answerback.accepting.metrics import WARNED
from answerback.accepting.raw_payloads import RawPayloads
from answerback.deadlines import Deadlines
from answerback.errors import MalformedBody, StoreFull, StoreUnavailable
from answerback.log import get_logger
from answerback.platforms import Answer, Answered, Delivery, Ignored, Inbound, Platform, Refusal
from answerback.platforms.registry import PLATFORMS
from answerback.sealing import Seal
from answerback.settings import Settings
from answerback.store.fleet.accounts import Accounts
from answerback.store.threads.receipt import Receipt
from answerback.store.threads.threads import Threads

from .connection import send_continue
from .limits import ClientAddresses, WebhookLimits
from .metrics import DELIVERIES, LIMITED, REFUSED
from .platform_keys import NoKeys, PlatformKeys
from .problems import BROKEN_OFF, problem

log = get_logger(__name__)

_encode = msgspec.json.Encoder().encode
_JSON = CIMultiDict({"Content-Type": "application/json"})

CONTENT_TYPES = frozenset({"application/json", "application/x-www-form-urlencoded", "multipart/form-data", ""})
"""Accepted content types, besides any "application/…+json" (RFC 6839); "" is a request without the header."""
WAITING_LIMIT = 10_000
"""Requests that may wait for Redis at once; more get a 503 with `Retry-After`."""
HELD_LIMIT = 256 * 1024 * 1024
"""Total bytes of incomplete bodies; above it, bodies larger than `FAIR_SHARE` get a 503 with `Retry-After`."""
FAIR_SHARE = 256 * 1024


class Webhooks:
    """The webhook handler of every configured platform.

    A 202 (a 200 where the platform counts nothing else) means that the event is stored or needs no storing. Its body is
    `{"dispatch_id", "thread", "status": "accepted" | "duplicate" | "ignored", "reason"}`.

    routes     the methods and paths of all webhooks
    deadlines  of the deliveries that are being stored; to be kept running
    raw        adds the raw body to the events of platforms for which an agent asks; to be kept running
    """

    def __init__(self, settings: Settings, threads: Threads) -> None:
        self._acceptor = Acceptor(threads, Accounts(threads.database, Seal.of(settings)), handback=settings.handback)
        self._keys = PlatformKeys(settings)
        self._settings = settings
        self._public_url = (settings.public_url or "").rstrip("/")
        self._limit = settings.body_limit
        self._read_timeout = settings.read_timeout
        self._accept_timeout = settings.accept_timeout
        self.deadlines = Deadlines()
        self.raw = RawPayloads(threads.database)
        # With and without a trailing slash: providers do not follow redirects.
        self.routes = frozenset(
            (method, f"/webhooks/{name}{end}")
            for name, platform in PLATFORMS.items()
            for method in platform.METHODS
            for end in ("", "/")
        )
        self._secrets = {name: settings.secrets(name) for name in PLATFORMS}
        self._addresses = ClientAddresses(settings.trusted_proxies)
        self._limits = WebhookLimits(settings, self._addresses) or None
        self._waiting = 0
        self._held = 0

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Handle one delivery."""
        name = request.path.rstrip("/").rpartition("/")[2]
        if tracing.current is None:
            return await self._respond(name, request)
        with tracing.current.server(request.method, f"/webhooks/{name}", request.headers) as respond:
            response = await self._respond(name, request)
            respond(response.status)
            return response

    async def _respond(self, name: str, request: web.BaseRequest) -> web.Response:
        try:
            response = await self._answer(name, request)
        except Exception:
            # Unexpected: with a 503, the provider keeps the delivery and retries.
            log.exception("webhook failed", platform=name)
            response = problem(503, "internal error; try again later", retry_after=5)
        _counter(name, response.status).inc()
        return response

    async def _answer(self, name: str, request: web.BaseRequest) -> web.Response:
        platform, secrets = PLATFORMS[name], self._secrets[name]
        if not secrets:
            # The log names the missing setting; the response reveals nothing.
            log.warning("webhook for a platform that is not configured", platform=name, missing=platform.SECRET)
            return problem(404, "no such webhook")
        if self._limits and (over := self._limits.check(name, request)):
            LIMITED.labels(name, over.by).inc()
            return problem(429, "too many requests; try again later", retry_after=math.ceil(over.wait))
        if not _readable(request.headers.get("Content-Type", ""), request.headers.get("Content-Encoding", "")):
            return problem(415, "send JSON or a form, uncompressed")
        if (length := request.content_length) is not None and length > self._limit:
            return problem(413, f"the body exceeds {self._limit} bytes")
        # Usually all of it has arrived. `request.read` would copy it twice, in as many steps.
        body = request.content.read_nowait() if request.content.is_eof() else await self._body(request)
        if isinstance(body, web.Response):
            return body
        if len(body) > self._limit:
            return problem(413, f"the body exceeds {self._limit} bytes")
        delivery = self._delivery(request, body)
        if platform.HANDSHAKE and (answer := platform.HANDSHAKE(self._settings, delivery)) is not None:
            return _answer(answer) if isinstance(answer, Answer) else self._refused(name, request, answer)
        try:
            refusal = await self._refusal(platform, secrets, request, delivery)
        except NoKeys:
            return problem(503, "the webhook cannot be verified now; try again later", retry_after=5)
        if refusal:
            return self._refused(name, request, refusal)
        try:
            parsed = platform.parse(delivery)
        except MalformedBody as error:
            log.warning("signed webhook cannot be parsed", platform=name, error=str(error))
            return problem(400, str(error))
        if isinstance(parsed, Answer):
            return _answer(parsed)
        if isinstance(parsed, Ignored):
            return await self._options(parsed) if parsed.search else _ignored(platform, parsed)
        events = parsed.events if isinstance(parsed, Answered) else parsed
        stored = await self._store(platform, self.raw.add(name, events, body))
        return _answer(parsed.answer) if isinstance(parsed, Answered) and stored.status < 300 else stored

    async def _options(self, asked: Ignored) -> web.Response:
        """Respond with the options that a person looks for; with none if they cannot be read in time."""
        answer = asked.answer or Answer()
        try:
            async with asyncio.timeout(self._accept_timeout):
                answer = await self._acceptor.options(asked.search) if asked.search else answer
        except (StoreUnavailable, TimeoutError):
            log.warning("options cannot be read now", menu=asked.search and asked.search.name)
        return _answer(answer)

    def _delivery(self, request: web.BaseRequest, body: bytes) -> Delivery:
        url = f"{self._public_url}{request.path_qs}" if self._public_url else ""
        return Delivery(request.headers, body, request.method, request.path, request.query_string, url)

    async def _body(self, request: web.BaseRequest) -> bytes | web.Response:
        """Read the rest of a body, or return a problem. It is unverified, so time and memory are limited."""
        body = bytearray()
        if request.headers.get("Expect", "").lower() == "100-continue":
            await send_continue(request)
        try:
            async with asyncio.timeout(self._read_timeout):
                async for chunk in request.content.iter_any():
                    body += chunk
                    self._held += len(chunk)
                    if len(body) > self._limit:
                        return problem(413, f"the body exceeds {self._limit} bytes")
                    if len(body) > FAIR_SHARE and self._held > HELD_LIMIT:
                        return problem(503, "too many requests at once; try again later", retry_after=1)
        except TimeoutError:
            return problem(408, "the request body did not arrive in time")
        except BROKEN_OFF:
            return problem(400, "the request body is incomplete")
        finally:
            self._held -= len(body)
        return bytes(body)

    def _refused(self, name: str, request: web.BaseRequest, refusal: Refusal) -> web.Response:
        REFUSED.labels(name, refusal.reason).inc()
        log.info("webhook refused", platform=name, reason=refusal, remote=self._addresses.address(request))
        return problem(401, "invalid webhook signature")

    async def _refusal(
        self, platform: Platform, secrets: list[str], request: web.BaseRequest, delivery: Delivery
    ) -> Refusal | None:
        headers = request.headers
        for header in platform.HEADERS:
            if len(headers.getall(header, ())) > 1:
                return Refusal("doubled", f"there is more than one {header} header")
        if platform.KEYS is None:
            return platform.verify(secrets, delivery, time.time())
        return platform.verify(secrets, delivery, time.time(), await self._keys.of(platform, delivery))

    async def _store(self, platform: Platform, events: Sequence[Inbound]) -> web.Response:
        name = platform.NAME
        if self._waiting >= WAITING_LIMIT:
            return problem(503, "too many requests at once; try again later", retry_after=1)
        self._waiting += 1
        try:
            receipts = await self._put_in_time(name, events)
        except MalformedBody as error:
            log.warning("signed webhook cannot be stored", platform=name, error=str(error))
            return problem(400, str(error))
        except (StoreUnavailable, StoreFull, TimeoutError) as error:
            # It may have been stored; the provider's next attempt is then a duplicate. The guard logs once that Redis
            # is unavailable: a line per delivery would fill the disk.
            log.debug("delivery not acknowledged", platform=name, error=str(error))
            return problem(503, "the event cannot be stored now; try again later", retry_after=2)
        finally:
            self._waiting -= 1
        for event, receipt in zip(events, receipts, strict=True):
            log.debug("delivery", delivery=event.delivery, thread=receipt.thread, status=receipt.status)
        return _receipt(platform, receipts[0])

    async def _put_in_time(self, name: str, events: Sequence[Inbound]) -> list[Receipt]:
        # An amendment takes several calls; together they get as much time as one event.
        task = asyncio.current_task()
        assert task is not None
        self.deadlines.start(task, self._accept_timeout)
        try:
            return [await self._acceptor.put(name, event) for event in events]
        finally:
            if self.deadlines.stop(task):
                raise TimeoutError from None


@lru_cache(256)
def _readable(content_type: str, encoding: str) -> bool:
    """Return whether the body is JSON or a form, uncompressed ("identity": RFC 9110, section 8.4.1)."""
    kind, encoding = content_type.partition(";")[0].strip().lower(), encoding.strip().lower()
    return encoding in ("", "identity") and (kind in CONTENT_TYPES or kind.endswith("+json"))


def _ignored(platform: Platform, ignored: Ignored) -> web.Response:
    if ignored.warning:
        WARNED.labels(platform.NAME, ignored.warning).inc()
        log.warning("webhook warning", platform=platform.NAME, warning=ignored.warning, reason=ignored.reason)
    if ignored.answer:
        return _answer(ignored.answer)
    return _receipt(platform, Receipt("", "", "ignored", ignored.reason))


def _answer(answer: Answer) -> web.Response:
    headers = {"Content-Type": answer.content_type} if answer.content_type else None
    return web.Response(status=answer.status, body=answer.body, headers=headers)


@cache
def _counter(platform: str, status: int) -> Counter:
    # Looking up a labelled counter takes a lock: cache the few there are.
    return DELIVERIES.labels(platform, status)


def _receipt(platform: Platform, receipt: Receipt) -> web.Response:
    return web.Response(status=platform.ACKNOWLEDGED, body=_encode(receipt), headers=_JSON)
