"""The HTTP client for URLs that others configured: a flow's actions and tools, remote agents.

It connects to no private address unless that is allowed. The check is made on the address of the actual
connection, which prevents DNS rebinding.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver

from answerback import tracing
from answerback.http.outbound import Refused, new_session, read, translated_errors
from answerback.platforms import Response

REDIRECTS = 5
"""Maximum number of redirects of a GET. Other methods follow none: their response is the redirect."""

BEARER = r"[A-Za-z0-9._~+/-]+=*"
"""Syntax of a bearer token: https://www.rfc-editor.org/rfc/rfc6750#section-2.1"""

_NAT64 = ip_network("64:ff9b::/96")
_MOVED = (301, 302, 303, 307, 308)


def is_public(address: str) -> bool:
    """Return whether an IP address is on the public Internet: not this machine, its network or its cloud."""
    ip: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = IPv4Address(ip.packed[-4:])
        if inner is not None:
            ip = inner
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def connector(*, private: bool, resolver: AbstractResolver | None = None) -> aiohttp.TCPConnector:
    """Return a connector for `aiohttp.ClientSession` that connects only to public addresses, unless `private`.

    A refused address raises `aiohttp.ClientConnectorError` with a `Refused` as its `os_error`.
    """
    return aiohttp.TCPConnector(socket_factory=None if private else _public_socket, limit=0, resolver=resolver)


def _public_socket(info: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        raise Refused
    return socket.socket(family=family, type=kind, proto=protocol)


class UntrustedHttp:
    """Performs single requests without retries, each in a session of its own."""

    def __init__(self, *, private: bool = False, resolver: AbstractResolver | None = None) -> None:
        self._private = private
        self._resolver = resolver

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes = b"",
        timeout: float = 30.0,
        limit: int = 1_048_576,
        redirects: int = REDIRECTS,
    ) -> Response:
        """Return the response, whatever its status. A body over `limit` bytes is cut after `limit` + 1.

        Only a GET follows redirects, at most `redirects` of them.

        Raises `ForbiddenAddress`, and `Unavailable` if there is no response: its `unknown` says
        whether the request may have taken effect.
        """
        response = await self._once(method, url, headers, body, timeout, limit)
        for _ in range(redirects):
            if response.status not in _MOVED or method != "GET" or "location" not in response.headers:
                break
            target = urljoin(url, response.headers["location"])
            if _origin(target) != _origin(url):
                # Do not pass credentials on to another origin.
                headers = {}
            url = target
            response = await self._once(method, url, headers, body, timeout, limit)
        return response

    async def _once(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, timeout: float, limit: int
    ) -> Response:
        with translated_errors(url, timeout), tracing.client(method, url) as respond:
            async with (
                new_session(timeout, connector(private=self._private, resolver=self._resolver)) as session,
                session.request(method, url, headers=headers, data=body or None, allow_redirects=False) as response,
            ):
                respond(response.status)
                return await read(response, limit + 1)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
