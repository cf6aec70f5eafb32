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

from answerback.errors import ForbiddenAddress, Unavailable
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


class Refused(PermissionError):
    """The address is not public, so no socket was opened."""


def _public_socket(info: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        # The same text for every address, so that it can be recognised where aiohttp merges several errors.
        raise Refused("its address is not public")
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
    ) -> Response:
        """Return the response, whatever its status. A body over `limit` bytes is cut after `limit` + 1.

        Raises `ForbiddenAddress`, and `Unavailable` if there is no response: its `unknown` says
        whether the request may have taken effect.
        """
        response = await self._once(method, url, headers, body, timeout, limit)
        for _ in range(REDIRECTS):
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
        host = _host(url)
        try:
            async with (
                aiohttp.ClientSession(
                    connector=connector(private=self._private, resolver=self._resolver),
                    timeout=aiohttp.ClientTimeout(total=timeout, connect=min(timeout, 10)),
                    headers={"User-Agent": "answerback"},
                    cookie_jar=aiohttp.DummyCookieJar(),
                ) as session,
                session.request(method, url, headers=headers, data=body or None, allow_redirects=False) as response,
            ):
                content = b""
                while len(content) <= limit and not response.content.at_eof():
                    content += await response.content.read(limit + 1 - len(content))
                lower = {name.lower(): value for name, value in response.headers.items()}
                return Response(status=response.status, headers=lower, body=content)
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, Refused) or "address is not public" in str(error.os_error):
                raise ForbiddenAddress(
                    f"{host} was not called: its address is not public. If it is yours, set ALLOW_PRIVATE_URLS=true."
                ) from None
            raise Unavailable(f"cannot connect to {host}: {error.os_error}", unknown=False) from error
        except (aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
            raise Unavailable(f"cannot connect to {host}: {type(error).__name__}", unknown=False) from error
        except TimeoutError as error:
            raise Unavailable(f"{host} did not respond in {timeout:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"the connection to {host} was lost: {type(error).__name__}") from error


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _host(url: str) -> str:
    """Return the host for error messages, without path and user info, which may contain credentials."""
    try:
        return urlsplit(url).hostname or "a URL without a host"
    except ValueError:
        return "an invalid URL"
