"""The platforms' own webhooks: deliveries, their results, and redelivery.

https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import aiohttp
import msgspec
from yarl import URL

from answerback.testing.standins.signatures import Delivery
from answerback.testing.standins.values import moment

PATIENCE = {"github": 10.0, "slack": 3.0, "telegram": 10.0, "twilio": 15.0, "whatsapp": 10.0}
"""Seconds until a delivery times out."""


@dataclass
class Attempt:
    """One attempt of a delivery. `code` is 0 while it is in progress."""

    id: int
    platform: str
    delivery: Delivery
    at: float
    redelivery: bool = False
    status: str = "pending"
    code: int = 0
    duration: float = 0.0
    url: str = ""
    answer: str = ""
    retry: int = 0
    exact: bool = False

    @property
    def target(self) -> str:
        """The owner of the hook: "repository", or "integration" for an app."""
        return self.delivery.headers.get("X-GitHub-Hook-Installation-Target-Type", "")

    @property
    def payload(self) -> dict[str, Any]:
        """Its body; of a form, the fields, or the JSON in the field `payload`."""
        body = self.delivery.body
        if self.delivery.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
            fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
            if "payload" not in fields:
                return fields
            body = fields["payload"].encode()
        found: dict[str, Any] = msgspec.json.decode(body)
        return found

    def summary(self) -> dict[str, Any]:
        """Return it as GitHub lists it."""
        payload = self.payload
        return {
            "id": self.id,
            "guid": self.delivery.id,
            "delivered_at": moment(self.at),
            "redelivery": self.redelivery,
            "duration": round(self.duration, 2),
            "status": self.status,
            "status_code": self.code,
            "event": self.delivery.headers.get("X-GitHub-Event", payload.get("type")),
            "action": payload.get("action"),
            "installation_id": payload.get("installation", {}).get("id"),
            "repository_id": payload.get("repository", {}).get("id"),
            "throttled_at": None,
        }


class Retries(NamedTuple):
    """How a platform repeats deliveries that failed: the seconds before each repeat, which ones, and how it signs."""

    pauses: Sequence[float]
    wanted: Callable[[Delivery], bool]
    again: Callable[[Delivery, int, str], Delivery]


class Hooks:
    """All deliveries, oldest first. `url`: their destinations, separated by spaces; "": none are sent."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.retries: dict[str, Retries] = {}
        self.attempts: list[Attempt] = []
        self._last = 12_077_215_000
        self._under_way: set[asyncio.Task[None]] = set()
        self._waiting: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    @property
    def pending(self) -> int:
        """The number of deliveries in progress."""
        return len(self._under_way)

    def reset(self) -> None:
        """Delete all deliveries and cancel those in progress. The URL is kept."""
        for task in (*self._under_way, *self._waiting):
            task.cancel()
        self.attempts.clear()

    async def close(self) -> None:
        """Stop."""
        self.reset()
        if self._session is not None:
            await self._session.close()

    def emit(self, platform: str, delivery: Delivery, *, redelivery: bool = False) -> None:
        """Send a webhook without waiting for the result."""
        if not self.url and not redelivery:
            return
        for url in self.url.split() or [""]:
            attempt = self._record(platform, delivery, redelivery=redelivery)
            attempt.url = url
            self.track(self._send(attempt))

    async def deliver(self, platform: str, delivery: Delivery, url: str) -> Attempt:
        """Send a webhook once, to exactly this URL unless it is the common one. Return what became of it."""
        attempt = self._record(platform, delivery)
        attempt.url, attempt.exact = url, url not in self.url.split()
        await self._send(attempt)
        return attempt

    def failed(self, platform: str, delivery: Delivery, code: int, at: float | None = None) -> Attempt:
        """Record a delivery as failed. Only `redeliver` sends it."""
        attempt = self._record(platform, delivery)
        attempt.at = attempt.at if at is None else at
        attempt.status, attempt.code = f"Invalid HTTP Response: {code}", code
        return attempt

    def redeliver(self, id: int, target: str) -> bool:
        """Send a delivery again with its old id. Return False if there is no such delivery."""
        for attempt in self.attempts:
            if attempt.id == id and attempt.target == target:
                self.emit(attempt.platform, attempt.delivery, redelivery=True)
                return True
        return False

    def record(self, platform: str, delivery: Delivery) -> Attempt:
        """Record a delivery that is made in another way than by a request."""
        return self._record(platform, delivery)

    def track(self, work: Coroutine[Any, Any, None]) -> None:
        """Do some work that counts as a delivery in progress."""
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    def _repeat(self, attempt: Attempt) -> None:
        retries = self.retries.get(attempt.platform)
        number = attempt.retry + 1
        if retries is None or number > len(retries.pauses) or not retries.wanted(attempt.delivery):
            return
        reason = {502: "connection_failed", 504: "http_timeout"}.get(attempt.code, "http_error")

        async def later() -> None:
            await asyncio.sleep(retries.pauses[number - 1])
            delivery = retries.again(attempt.delivery, number, reason)
            again = self._record(attempt.platform, delivery, redelivery=True)
            again.url, again.retry = attempt.url, number
            self.track(self._send(again))

        task = asyncio.create_task(later())
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    def _record(self, platform: str, delivery: Delivery, *, redelivery: bool = False) -> Attempt:
        self._last += 1
        attempt = Attempt(self._last, platform, delivery, time.time(), redelivery)
        self.attempts.append(attempt)
        return attempt

    async def _send(self, attempt: Attempt) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        began = time.monotonic()
        url = attempt.url.replace("{platform}", attempt.platform)
        if url == attempt.url and not attempt.exact:
            url = f"{url.rstrip('/')}/{attempt.platform}"
        if attempt.delivery.query:
            url = f"{url}?{attempt.delivery.query}"
        final = False
        patience = aiohttp.ClientTimeout(total=PATIENCE[attempt.platform])
        try:
            async with self._session.post(
                URL(url, encoded=True), data=attempt.delivery.body, headers=attempt.delivery.headers, timeout=patience
            ) as response:
                attempt.code = response.status
                attempt.status = "OK" if response.ok else f"Invalid HTTP Response: {response.status}"
                attempt.answer = (await response.text(errors="replace"))[:10_000]
                final = response.headers.get("X-Slack-No-Retry") == "1"
        except TimeoutError:
            attempt.code, attempt.status = 504, "timed out"
        except (aiohttp.ClientError, ValueError, OSError):
            attempt.code, attempt.status = 502, "failed to connect"
        attempt.duration = time.monotonic() - began
        if attempt.status != "OK" and not final:
            self._repeat(attempt)
