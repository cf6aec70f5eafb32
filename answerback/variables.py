"""Types of environment variables: how each is parsed, and the error for an invalid value."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr


def _secrets(value: object) -> object:
    r"""Split secrets at commas. "\," is a literal comma, and a single secret may contain commas, too."""
    if not isinstance(value, str):
        return value
    parts = [part.strip().replace("\\,", ",") for part in re.split(r"(?<!\\),", value) if part.strip()]
    # A list may also be a single secret that contains commas, so the whole value is accepted as one more secret.
    return [*parts, value] if len(parts) > 1 and not re.search(r"\s|,,|\\,|^,|,$", value) else parts


def _standard_secrets(value: object) -> object:
    # Some providers show a secret with its signature version in front: "v1,whsec_…".
    return _split(re.sub(r"\bv1a?,\s*(?=wh(?:sec|pk|sk)_)", "", value) if isinstance(value, str) else value)


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _http_url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    _check_host(value)
    return value.rstrip("/")


def _redis_url(value: str) -> str:
    if not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must start with redis://, rediss:// or unix://")
    if not value.startswith("unix://"):
        _check_host(value, default="localhost")
    return value


def _check_host(url: str, default: str | None = None) -> None:
    # Our own message: the library's would quote what it takes for a port, which may be part of a password.
    try:
        parts = urlsplit(url)
        if parts.port != 0 and (parts.hostname or default):
            return
    except ValueError:
        pass
    raise ValueError("is not a complete URL (percent-encode special characters in a password as %XX)")


def _standard_secret(value: SecretStr) -> SecretStr:
    # Imported here: the platforms read settings.
    from answerback.platforms.standard import keys

    try:
        keys.read(value.get_secret_value())
    except ValueError:
        # Drop the cause: it may quote part of the secret.
        raise ValueError(
            'must be "whsec_" followed by base64, for example whsec_$(openssl rand -base64 24), '
            'or a sender\'s public key: "whpk_" followed by its 32 bytes in base64'
        ) from None
    return value


def _pem(value: SecretStr) -> SecretStr:
    text = value.get_secret_value().replace("\\n", "\n")
    if "PRIVATE KEY-----" not in text:
        raise ValueError("must be the app's private key in PEM format (line breaks may be written as \\n)")
    return SecretStr(text)


def _hook(value: str) -> str:
    if not re.fullmatch(r"app|[\w.-]+(/[\w.-]+)?/hooks/\d+", value, re.ASCII):
        raise ValueError(
            f'"{value}" is not a webhook: use "app", "OWNER/REPO/hooks/ID" or "ORG/hooks/ID" '
            "(the ID is the number at the end of the URL of the webhook's settings page)"
        )
    return value


class Rate(NamedTuple):
    """A rate limit: requests per second on average, and the largest burst."""

    per_second: float
    burst: float

    def __str__(self) -> str:
        return f"{self.per_second:g}:{self.burst:g}"


def _rate(value: object) -> object:
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)(?::(\d{1,9}))?", value, re.ASCII)
    per_second = float(found[1]) if found else 0.0
    burst = float(found[2]) if found and found[2] else max(1.0, 5 * per_second)
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


Network = IPv4Network | IPv6Network
Networks = Annotated[list[Annotated[Network, BeforeValidator(_network)]], BeforeValidator(_split)]
Limit = Annotated[Rate, BeforeValidator(_rate)]
LimitOrOff = Annotated[Rate | None, BeforeValidator(_rate_or_off)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
Secrets = Annotated[list[SecretStr], BeforeValidator(_secrets)]
StandardSecrets = Annotated[
    list[Annotated[SecretStr, AfterValidator(_standard_secret)]], BeforeValidator(_standard_secrets)
]
RedisUrl = Annotated[str, AfterValidator(_redis_url)]
Pem = Annotated[SecretStr, AfterValidator(_pem)]
Hooks = Annotated[list[Annotated[str, AfterValidator(_hook)]], BeforeValidator(_split)]
Seconds = Annotated[float, Field(gt=0)]
