"""Types of environment variables: how each is parsed, and the error for an invalid value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from answerback.redis_address import Address


class Variables(BaseModel):
    """Settings read from environment variables: a field's alias is its variable."""

    # Most classes are only a base of another one: a validator is built when it is first used.
    model_config = ConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, allow_inf_nan=False, defer_build=True
    )

    def secret_values(self) -> Iterator[str]:
        """Return the values that must not be shown: those of all `SecretStr`, also in lists."""
        for value in self.__dict__.values():
            for each in value if isinstance(value, list | tuple) else (value,):
                if isinstance(each, SecretStr):
                    yield each.get_secret_value()


def _secrets(value: object) -> object:
    r"""Split secrets at commas. "\," is a literal comma, and a single secret may contain commas, too."""
    if not isinstance(value, str):
        return value
    parts = [part.strip().replace("\\,", ",") for part in re.split(r"(?<!\\),", value) if part.strip()]
    # A list may also be a single secret that contains commas, so the whole value is accepted as one more secret.
    return [*parts, value] if len(parts) > 1 and not re.search(r"\s|,,|\\,|^,|,$", value) else parts


def split_at_commas(value: object) -> object:
    """Split a text at commas. Anything else is left to pydantic."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _http_url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    _check_host(value)
    return value.rstrip("/")


def _redis_url(value: str) -> str:
    Address.parse(value)
    return value


def _check_host(url: str) -> None:
    # Our own message: the library's would quote what it takes for a port, which may be part of a password.
    try:
        parts = urlsplit(url)
        if parts.port != 0 and parts.hostname:
            return
    except ValueError:
        pass
    raise ValueError("is not a complete URL (percent-encode special characters in a password as %XX)")


class Rate(NamedTuple):
    """A rate limit: requests per second on average, and the largest burst."""

    per_second: float
    burst: float

    def __str__(self) -> str:
        return f"{self.per_second:g}:{self.burst:g}"


def _rate(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)(?::(\d{1,9}))?", value, re.ASCII)
    per_second = float(match[1]) if match else 0.0
    burst = float(match[2]) if match and match[2] else max(1.0, 5 * per_second)
    if not per_second or burst < 1:
        raise ValueError('must be requests per second, such as "20", optionally with a burst size, such as "20:100"')
    return Rate(per_second, burst)


def _rate_or_off(value: object) -> object:
    return None if value == "off" else _rate(value)


def _network(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return ip_network(value, strict=False)
    except ValueError:
        raise ValueError(f'"{value}" is not an IP address or network, such as 10.0.0.7 or 10.0.0.0/8') from None


def _media_type(value: str) -> str:
    if not re.fullmatch(r"\*/\*|[\w.+-]+/(\*|[\w.+-]+)", value, re.ASCII):
        raise ValueError(f'"{value}" is not a media type, such as image/png or text/*')
    return value.lower()


SHORTEST_KEY = 32
"""Characters of a key: a shorter one can be guessed from a stolen copy of the store."""


def _long_enough(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < SHORTEST_KEY:
        raise ValueError(f"needs at least {SHORTEST_KEY} characters: openssl rand -hex 32")
    return value


Network = IPv4Network | IPv6Network
Networks = Annotated[list[Annotated[Network, BeforeValidator(_network)]], BeforeValidator(split_at_commas)]
MediaTypes = Annotated[list[Annotated[str, AfterValidator(_media_type)]], BeforeValidator(split_at_commas)]
Limit = Annotated[Rate, BeforeValidator(_rate)]
LimitOrOff = Annotated[Rate | None, BeforeValidator(_rate_or_off)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
Secrets = Annotated[list[SecretStr], BeforeValidator(_secrets)]
RedisUrl = Annotated[str, AfterValidator(_redis_url)]
SecretKeys = Annotated[list[Annotated[SecretStr, AfterValidator(_long_enough)]], BeforeValidator(split_at_commas)]
Seconds = Annotated[float, Field(gt=0)]
