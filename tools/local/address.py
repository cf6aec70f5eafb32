"""Where ingress listens: a port to give it, its URL from here, whether it is ready."""

from __future__ import annotations

import errno
import http.client
import socket
from urllib.parse import urlsplit

from ..exits import Failure


def local_url(host: str, port: int) -> str:
    """The URL at which this machine reaches what listens on `host` and `port`."""
    reached = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


def free_port(host: str, port: int) -> int:
    """`port`, or any free one for 0. Raises `Failure` when nobody could listen there."""
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise Failure(f"HOST={host} is no address of this machine: {error.strerror}.") from None
    for family, kind, protocol, _, address in found:
        with socket.socket(family, kind, protocol) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(address)
                port = port or tried.getsockname()[1]
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    raise Failure(f"port {port} is in use by another program: set PORT to a free one.") from None
                if error.errno == errno.EACCES:
                    raise Failure(f"port {port} is not for everybody: set PORT to one above 1023.") from None
                if len(found) == 1:
                    raise Failure(f"cannot listen on {host}:{port}: {error.strerror}. Set HOST or PORT.") from None
    return port


def connect(url: str, timeout: float) -> http.client.HTTPConnection:
    """A connection to the host of a URL, straight, whatever proxy is set. Raises ValueError for a bad URL."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url} is not an http:// or https:// URL")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname, parts.port, timeout=timeout)


def healthy(url: str) -> bool:
    """Whether ingress is there and can store."""
    try:
        connection = connect(url, timeout=2)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == 200
        finally:
            connection.close()
    except (OSError, http.client.HTTPException):
        return False
