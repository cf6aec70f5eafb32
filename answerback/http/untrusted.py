"""Requests to addresses that others chose: a flow's actions and tools, remote agents.

None goes to a private address unless that is allowed. The address that is checked is the one that is
connected to, at the moment of connecting: a name that resolves differently the second time gains nothing.
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
"""Redirects that a GET follows at most. Nothing else is redirected: its answer is the redirect."""

BEARER = r"[A-Za-z0-9._~+/-]+=*"
"""What a bearer token is made of: https://www.rfc-editor.org/rfc/rfc6750#section-2.1"""

_NAT64 = ip_network("64:ff9b::/96")
_MOVED = (301, 302, 303, 307, 308)


def is_public(address: str) -> bool:
    """Whether an IP address belongs to somebody on the Internet: not to this machine, its network or its cloud."""
    ip: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = IPv4Address(ip.packed[-4:])
        if inner is not None:
            ip = inner
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def connector(*, private: bool, resolver: AbstractResolver | None = None) -> aiohttp.TCPConnector:
    """A connector for `aiohttp.ClientSession` that connects to public addresses alone, unless `private`.

    What it refuses is raised as an `aiohttp.ClientConnectorError` whose `os_error` is a `Refused`.
    """
    return aiohttp.TCPConnector(socket_factory=None if private else _public_socket, limit=0, resolver=resolver)


class Refused(PermissionError):
    """Raised where a socket would have been opened."""


def _public_socket(info: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        # One text for every address: so it stays recognisable when a name has several.
        raise Refused("its address is not public")
    return socket.socket(family=family, type=kind, proto=protocol)


class UntrustedHttp:
    """Performs single requests. Nothing is retried; a session lives as long as its request."""

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
        """The answer, whatever its status; at most `limit` bytes of it are read.

        Raises `ForbiddenAddress`, and `Unavailable` when there is no answer: its `unknown` tells
        whether the request may have taken effect.
        """
        answer = await self._once(method, url, headers, body, timeout, limit)
        for _ in range(REDIRECTS):
            if answer.status not in _MOVED or method != "GET" or "location" not in answer.headers:
                break
            target = urljoin(url, answer.headers["location"])
            if _origin(target) != _origin(url):
                # A credential is meant for whom it was sent to.
                headers = {}
            url = target
            answer = await self._once(method, url, headers, body, timeout, limit)
        return answer

    async def _once(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, timeout: float, limit: int
    ) -> Response:
        where = _host(url)
        try:
            async with (
                aiohttp.ClientSession(
                    connector=connector(private=self._private, resolver=self._resolver),
                    timeout=aiohttp.ClientTimeout(total=timeout, connect=min(timeout, 10)),
                    headers={"User-Agent": "answerback"},
                    cookie_jar=aiohttp.DummyCookieJar(),
                ) as session,
                session.request(method, url, headers=headers, data=body or None, allow_redirects=False) as answer,
            ):
                read = b""
                while len(read) <= limit and not answer.content.at_eof():
                    read += await answer.content.read(limit + 1 - len(read))
                found = {name.lower(): value for name, value in answer.headers.items()}
                return Response(status=answer.status, headers=found, body=read)
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, Refused) or "address is not public" in str(error.os_error):
                raise ForbiddenAddress(
                    f"{where} is not asked: its address is not public. If it is yours, set ALLOW_PRIVATE_URLS=true."
                ) from None
            raise Unavailable(f"cannot connect to {where}: {error.os_error}", unknown=False) from error
        except (aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
            raise Unavailable(f"cannot connect to {where}: {type(error).__name__}", unknown=False) from error
        except TimeoutError as error:
            raise Unavailable(f"{where} did not answer in {timeout:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"the connection to {where} was lost: {type(error).__name__}") from error


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _host(url: str) -> str:
    """For people: never a path or a user part, in which a credential may be."""
    try:
        return urlsplit(url).hostname or "an address without a host"
    except ValueError:
        return "what is no address"
