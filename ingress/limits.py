"""Webhook rate limits per client address and per platform, checked before any other work."""

from __future__ import annotations

import time
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Literal, NamedTuple

from aiohttp import web

from answerback.settings import Settings
from answerback.settings.variables import Network, Rate

ADDRESSES = 10_000
"""Addresses that are tracked; the least recently seen is dropped first."""


class Limited(NamedTuple):
    """The limit that a request exceeded."""

    by: Literal["ip", "platform"]
    wait: float
    """Seconds until the next request is allowed."""


class Bucket:
    """A token bucket per key, stored as the time at which it will be full again."""

    def __init__(self, rate: Rate, keys: int = ADDRESSES) -> None:
        self._interval = 1 / rate.per_second
        self._burst = (rate.burst - 1) * self._interval
        self._keys = keys
        self._full_at: dict[str, float] = {}

    def take(self, key: str, now: float) -> float:
        """Take a token. Return 0, or the seconds until one is available. `now` is monotonic, in seconds."""
        full = max(self._full_at.pop(key, now), now)
        wait = full - self._burst - now
        self._full_at[key] = full if wait > 0 else full + self._interval
        if len(self._full_at) > self._keys:
            del self._full_at[next(iter(self._full_at))]
        return max(wait, 0.0)

    def wait(self, key: str, now: float) -> float:
        """Return the seconds until a token is available; 0 if one is. Take nothing."""
        return max(self._full_at.get(key, now) - self._burst - now, 0.0)


class ClientAddresses:
    """The addresses of clients. `X-Forwarded-For` is trusted only as far as trusted proxies wrote it."""

    def __init__(self, trusted: list[Network]) -> None:
        self._trusted = trusted

    def address(self, request: web.BaseRequest) -> str:
        """Return the address of the client."""
        client = request.remote or ""
        if not self._trusted or not self._is_trusted(_parse(client)):
            return client
        # Each proxy appends its peer's address: take the last one that is not a trusted proxy.
        for hop in reversed(",".join(request.headers.getall("X-Forwarded-For", ())).split(",")):
            address = _parse(hop.strip())
            if address is None:
                break
            client = str(address)
            if not self._is_trusted(address):
                break
        return client

    def behind_unknown_proxy(self, request: web.BaseRequest) -> bool:
        """Return whether the peer is an untrusted proxy, so that all its clients share one address."""
        return "X-Forwarded-For" in request.headers and not self._is_trusted(_parse(request.remote or ""))

    def _is_trusted(self, address: IPv4Address | IPv6Address | None) -> bool:
        return address is not None and any(address in network for network in self._trusted)


class WebhookLimits:
    """The webhook rate limits of one ingress process."""

    def __init__(self, settings: Settings, addresses: ClientAddresses) -> None:
        self._ip = Bucket(settings.rate_per_ip) if settings.rate_per_ip else None
        self._platform = Bucket(settings.rate_per_platform) if settings.rate_per_platform else None
        self._addresses = addresses

    def __bool__(self) -> bool:
        return self._ip is not None or self._platform is not None

    def check(self, platform: str, request: web.BaseRequest) -> Limited | None:
        """Return the limit that this request exceeds, or None."""
        now = time.monotonic()
        if self._ip and (wait := self._ip.take(prefix(self._addresses.address(request)), now)):
            return Limited("ip", wait)
        if self._platform and (wait := self._platform.take(platform, now)):
            return Limited("platform", wait)
        return None


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def prefix(address: str) -> str:
    """Return what identifies a client: the IPv4 address, or the /64 of an IPv6 address, which one client owns whole."""
    ip = _parse(address)
    return str(ip) if not isinstance(ip, IPv6Address) else ip.exploded[:19]
