"""The public keys that some platforms publish and sign their webhooks with."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import msgspec

from answerback.errors import Unavailable
from answerback.http.outbound import new_session, read, translated_errors
from answerback.log import get_logger
from answerback.platforms import NO_KEYS, Delivery, Keys, KeySource, Platform
from answerback.platforms.registry import PLATFORMS
from answerback.settings import Settings

log = get_logger(__name__)

KEPT = 6 * 3600.0
"""Seconds after which a key set is fetched again."""
UNKNOWN_KEY = 3600.0
"""Seconds between two fetches because of an unknown key id, which anyone can send."""
AFTER_FAILURE = 10.0
LONGEST = 2.0
"""Seconds that a delivery waits for a key set. The platform repeats a delivery that is refused with 503."""
LIMIT = 1_048_576


class NoKeys(Exception):
    """The keys of a platform could not be fetched yet: whether a delivery is authentic is not known."""


class _KeySet:
    """The keys of one platform."""

    def __init__(self, platform: str, source: KeySource, url: str) -> None:
        self.source = source
        self._platform, self._url = platform, url
        self._keys: Keys = NO_KEYS
        self._fetched = self._tried = -KEPT
        self._task: asyncio.Task[None] | None = None

    async def get(self, key_id: str) -> Keys:
        if not key_id:
            return self._keys
        now = time.monotonic()
        known = key_id in self._keys
        if self._keys and known and now - self._fetched < KEPT:
            return self._keys
        pause = AFTER_FAILURE if known or not self._keys else UNKNOWN_KEY
        if self._task is None and now - self._tried >= pause:
            self._tried = now
            self._task = asyncio.create_task(self._fetch())
            self._task.add_done_callback(self._done)
        # An expired set is better than none: it is used while the next one is being fetched.
        if self._task is not None and not (self._keys and known):
            await asyncio.wait([self._task], timeout=LONGEST)
        if not self._keys:
            raise NoKeys
        return self._keys

    def _done(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("keys of a platform not fetched", platform=self._platform, url=self._url, error=str(error))

    async def _fetch(self) -> None:
        async with new_session(10) as session:
            document = await _json(session, self._url)
            if isinstance(url := document.get("jwks_uri"), str):
                document = await _json(session, url)
        entries = document.get("keys")
        keys = {
            key["kid"]: msgspec.json.encode(key).decode()
            for key in (entries if isinstance(entries, list) else [])
            if isinstance(key, dict) and isinstance(key.get("kid"), str)
        }
        if not keys:
            raise Unavailable("the key set has no keys", unknown=False)
        self._keys, self._fetched = keys, time.monotonic()


class PlatformKeys:
    """Fetches the keys of platforms when they are first needed, and keeps them."""

    def __init__(self, settings: Settings) -> None:
        self._sets = {
            name: _KeySet(name, platform.KEYS, url)
            for name, platform in PLATFORMS.items()
            if platform.KEYS and (url := platform.KEYS.url(settings))
        }

    async def of(self, platform: Platform, delivery: Delivery) -> Keys:
        """Return the keys with which a delivery may be signed. Raises `NoKeys` if there are none yet."""
        keys = self._sets.get(platform.NAME)
        return NO_KEYS if keys is None else await keys.get(keys.source.key_id(delivery))


async def _json(session: aiohttp.ClientSession, url: str) -> dict[str, object]:
    with translated_errors(url, 10):
        async with session.get(url, allow_redirects=False) as response:
            answer = await read(response, LIMIT)
    if answer.status != 200:
        raise Unavailable(f"the response has status {answer.status}", unknown=False)
    try:
        return msgspec.json.decode(answer.body, type=dict[str, object])
    except (msgspec.MsgspecError, ValueError) as error:
        raise Unavailable(f"the response is not JSON: {error}", unknown=False) from error
