"""REDIS_URL in all its forms: one server, Sentinels, or a Cluster. Loads no client library."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Literal
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import msgspec

from answerback.errors import ConfigurationError

Kind = Literal["standalone", "sentinel", "cluster"]

_SCHEMES: Mapping[str, tuple[Kind, bool]] = {
    "redis": ("standalone", False),
    "rediss": ("standalone", True),
    "unix": ("standalone", False),
    "redis+sentinel": ("sentinel", False),
    "rediss+sentinel": ("sentinel", True),
    "redis+cluster": ("cluster", False),
    "rediss+cluster": ("cluster", True),
}
FORMS = ", ".join(f"{scheme}://" for scheme in _SCHEMES)
_INCOMPLETE = "is not a complete URL (percent-encode special characters in a password as %XX)"
_PORTS: Mapping[Kind, int] = {"standalone": 6379, "sentinel": 26379, "cluster": 6379}

_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_SENTINEL = ("sentinel_username", "sentinel_password")
_NO = ("0", "f", "false", "n", "no")


def _yes(value: str) -> bool:
    return value.lower() not in _NO


def _requirement(value: str) -> str:
    if value not in ("none", "optional", "required"):
        raise ValueError
    return value


_PARAMETERS: Mapping[str, Callable[[str], Any]] = {
    "db": int,
    "username": str,
    "password": str,
    "socket_timeout": float,
    "socket_connect_timeout": float,
    "health_check_interval": int,
    **dict.fromkeys(_FILES, str),
    **dict.fromkeys(_SENTINEL, str),
    "ssl_cert_reqs": _requirement,
    "ssl_check_hostname": _yes,
}


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed REDIS_URL.

    Attributes:
        hosts: (host, port) of the server, of the Sentinels, or of some nodes of the Cluster; () for a socket.
        path: The path of a Unix socket.
        master: The name under which the Sentinels know the master.
        options: Arguments of the client library's connections: db, user, password, TLS.
        sentinel: The same for the connections to Sentinels.
    """

    kind: Kind
    tls: bool = False
    hosts: tuple[tuple[str, int], ...] = ()
    path: str = ""
    master: str = ""
    options: Mapping[str, Any] = {}
    sentinel: Mapping[str, Any] = {}

    @classmethod
    def parse(cls, url: str) -> Address:
        """Parse a URL. Raises `ValueError` with what is wrong and what to write; it never quotes a password."""
        scheme = url.partition("://")[0]
        if "://" not in url or scheme not in _SCHEMES:
            raise ValueError(f"must start with one of {FORMS}")
        kind, tls = _SCHEMES[scheme]
        try:
            parts = urlsplit(url)
        except ValueError:
            raise ValueError(_INCOMPLETE) from None
        if "@" in parts.path and not parts.netloc.rpartition("@")[1]:
            raise ValueError(_INCOMPLETE)  # a password with a slash
        login, _, hosts = parts.netloc.rpartition("@")
        options = _parameters(parts, kind, tls)
        user, _, password = login.partition(":")
        options |= {name: unquote(value) for name, value in (("username", user), ("password", password)) if value}
        path = master = ""
        if scheme == "unix":
            path, hosts = unquote(parts.path), ""
            if not path:
                raise ValueError("must name a socket: unix:///run/redis.sock")
        else:
            master, database = _places(parts.path, kind)
            options.setdefault("db", database)
        if kind == "cluster" and options.get("db"):
            raise ValueError(f"names database {options['db']}, but a Redis Cluster only has database 0: leave it out")
        if tls:
            # Without verification, there is nothing to compare the host with.
            verified = options.get("ssl_cert_reqs") != "none"
            options["ssl_check_hostname"] = verified and options.get("ssl_check_hostname", True)
        sentinel = {name.removeprefix("sentinel_"): options.pop(name) for name in _SENTINEL if name in options}
        if kind == "sentinel":
            sentinel |= {name: value for name, value in options.items() if name.startswith("ssl_")}
        places = tuple(_host(host, _PORTS[kind]) for host in hosts.split(",")) if scheme != "unix" else ()
        if kind == "standalone" and len(places) > 1:
            raise ValueError("names several hosts: use redis+sentinel:// or redis+cluster:// for these")
        return cls(
            kind=kind, tls=tls, hosts=places, path=path, master=master,
            options=options, sentinel=sentinel,
        )  # fmt: skip

    def check_files(self) -> None:
        """Raise `ConfigurationError` if a certificate file that the URL names cannot be read."""
        for name in _FILES:
            if (path := self.options.get(name)) and not os.access(path, os.R_OK):
                raise ConfigurationError(f"REDIS_URL: {name}={path} cannot be read: give the path of a readable file")
        if bool(self.options.get("ssl_certfile")) != bool(self.options.get("ssl_keyfile")):
            raise ConfigurationError("REDIS_URL: a client certificate needs both ssl_certfile= and ssl_keyfile=")


def place(url: str) -> str:
    """Return a Redis URL without its user, password and parameters, for people."""
    head, _, rest = url.partition("://")
    authority, slash, path = rest.partition("?")[0].partition("/")
    return f"{head}://{authority.rpartition('@')[2]}{slash}{path}"


def _parameters(parts: SplitResult, kind: Kind, tls: bool) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    for name, values in parse_qs(parts.query, keep_blank_values=True).items():
        if name not in _PARAMETERS:
            raise ValueError(f'has an unknown parameter "{name}": the known ones are {", ".join(_PARAMETERS)}')
        if name.startswith("ssl_") and not tls:
            secure = parts.scheme.replace("redis", "rediss", 1)
            raise ValueError(f"has the parameter {name}, but does not use TLS: start it with {secure}://")
        if name in _SENTINEL and kind != "sentinel":
            raise ValueError(f"has the parameter {name}, but names no Sentinels: start it with redis+sentinel://")
        try:
            parameters[name] = _PARAMETERS[name](values[0])
        except ValueError:
            raise ValueError(f"has an invalid value for the parameter {name}") from None
    return parameters


def _places(path: str, kind: Kind) -> tuple[str, int]:
    """Return the name of the master, and the number of the database."""
    names = [unquote(part) for part in path.split("/")[1:]]
    master = names.pop(0) if kind == "sentinel" and names else ""
    if kind == "sentinel" and not master:
        raise ValueError("must name the master that the Sentinels monitor: redis+sentinel://host:26379/mymaster")
    number = names[0] if names and names[0] else "0"
    if len(names) > 1 or not number.isdecimal():
        raise ValueError("must end with the number of a database, such as /0, or with nothing")
    return master, int(number)


def _host(text: str, default: int) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{text.strip()}")
        port = default if parts.port is None else parts.port
    except ValueError:
        raise ValueError(_INCOMPLETE) from None
    if port == 0 or (not parts.hostname and text.strip(" :0123456789")):
        raise ValueError(_INCOMPLETE)
    return parts.hostname or "localhost", port
