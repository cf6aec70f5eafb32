"""Limits before any work is done for a webhook: so many requests a second from one address, and for one platform."""

from __future__ import annotations

import time
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Literal, NamedTuple

from aiohttp import web

from answerback.settings import Settings
from answerback.variables import Network, Rate

ADDRESSES = 10_000
"""Addresses that are remembered; the one that was silent for the longest is forgotten first."""


class Limited(NamedTuple):
    """A limit was reached."""

    by: Literal["ip", "platform"]
    wait: float
    """Seconds until there is room."""


class Bucket:
    """A token bucket for each key. Kept as the moment at which it will be full again."""

    def __init__(self, rate: Rate, keys: int = ADDRESSES) -> None:
        self._interval = 1 / rate.per_second
        self._burst = (rate.burst - 1) * self._interval
        self._keys = keys
        self._full: dict[str, float] = {}

    def take(self, key: str, now: float) -> float:
        """Take a token: 0, or the seconds until there is one. `now` is in seconds, and never goes back."""
        full = max(self._full.pop(key, now), now)
        wait = full - self._burst - now
        self._full[key] = full if wait > 0 else full + self._interval
        if len(self._full) > self._keys:
            del self._full[next(iter(self._full))]
        return max(wait, 0.0)

    def wait(self, key: str, now: float) -> float:
        """The seconds until there is a token; 0 when there is one, which stays."""
        return max(self._full.get(key, now) - self._burst - now, 0.0)


class Clients:
    """Who a request is from. `X-Forwarded-For` is believed only as far as trusted proxies wrote it."""

    def __init__(self, trusted: list[Network]) -> None:
        self._trusted = trusted

    def address(self, request: web.BaseRequest) -> str:
        """The client's address."""
        found = request.remote or ""
        if not self._trusted or not self._trusts(_parsed(found)):
            return found
        # Each proxy appends whom it was asked by: from the end, the first that is none of ours.
        for hop in reversed(",".join(request.headers.getall("X-Forwarded-For", ())).split(",")):
            address = _parsed(hop.strip())
            if address is None:
                break
            found = str(address)
            if not self._trusts(address):
                break
        return found

    def hidden(self, request: web.BaseRequest) -> bool:
        """Whether a proxy that is not trusted says whom it asks for: then all its clients are one address."""
        return "X-Forwarded-For" in request.headers and not self._trusts(_parsed(request.remote or ""))

    def _trusts(self, address: IPv4Address | IPv6Address | None) -> bool:
        return address is not None and any(address in network for network in self._trusted)


class Limits:
    """The limits of one ingress process."""

    def __init__(self, settings: Settings, clients: Clients) -> None:
        self._ip = Bucket(settings.rate_per_ip) if settings.rate_per_ip else None
        self._platform = Bucket(settings.rate_per_platform) if settings.rate_per_platform else None
        self._clients = clients

    def __bool__(self) -> bool:
        return self._ip is not None or self._platform is not None

    def check(self, platform: str, request: web.BaseRequest) -> Limited | None:
        """None, or the limit that this request is over."""
        now = time.monotonic()
        if self._ip and (wait := self._ip.take(prefix(self._clients.address(request)), now)):
            return Limited("ip", wait)
        if self._platform and (wait := self._platform.take(platform, now)):
            return Limited("platform", wait)
        return None


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def prefix(address: str) -> str:
    """What one client has: an IPv4 address, or a /64 of IPv6, from which it takes any address it likes."""
    found = _parsed(address)
    return str(found) if not isinstance(found, IPv6Address) else found.exploded[:19]
