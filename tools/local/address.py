"""Where ingress listens: find a free port, build the local URL, check readiness."""

from __future__ import annotations

import errno
import http.client
import socket
from urllib.parse import urlsplit

from ..exits import Failure


def local_url(host: str, port: int) -> str:
    """Return the URL at which this machine reaches a listener on `host` and `port`."""
    reached = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


def free_port(host: str, port: int) -> int:
    """Return `port`, or a free one for 0. Raises `Failure` when the port cannot be bound."""
    try:
        addresses = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise Failure(f"HOST={host} is not an address of this machine: {error.strerror}.") from None
    for family, kind, protocol, _, address in addresses:
        with socket.socket(family, kind, protocol) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(address)
                port = port or listener.getsockname()[1]
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    raise Failure(f"port {port} is in use by another program: set PORT to a free one.") from None
                if error.errno == errno.EACCES:
                    raise Failure(f"no permission to listen on port {port}: set PORT to one above 1023.") from None
                if len(addresses) == 1:
                    raise Failure(f"cannot listen on {host}:{port}: {error.strerror}. Set HOST or PORT.") from None
    return port


def connect(url: str, timeout: float) -> http.client.HTTPConnection:
    """Return a direct connection to the host of a URL, ignoring proxies. Raises ValueError for an invalid URL."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url} is not an http:// or https:// URL")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname, parts.port, timeout=timeout)
