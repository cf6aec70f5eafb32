"""The request model of a remote agent: its name, URL and credential."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, WithJsonSchema

from answerback.http.untrusted import BEARER, is_public

from ...problems import FieldError, Problem
from ..route import Model
from .messages import AgentName

LONGEST = 4096
"""The longest bearer token, in characters."""


def _address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must begin with https:// or http:// and name a host")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must not have a user, query or fragment")
    return value


def _token(value: SecretStr) -> SecretStr:
    secret = value.get_secret_value()
    if len(secret) > LONGEST or not re.fullmatch(BEARER, secret):
        raise ValueError(f"must be a bearer token: at most {LONGEST} of A-Z, a-z, 0-9 and -._~+/, then optional =")
    return value


BearerToken = Annotated[
    SecretStr,
    AfterValidator(_token),
    WithJsonSchema(
        {"type": "string", "format": "password", "writeOnly": True, "maxLength": LONGEST, "pattern": f"^{BEARER}$"}
    ),
]


class RuntimeSpec(Model):
    """How an agent is run."""

    lifecycle: Literal["long-lived", "short-lived"] = "long-lived"
    supportsChat: bool = Field(
        default=False, description="whether it accepts chat messages; a short-lived agent accepts none"
    )


class NewAgent(Model):
    """A remote agent. It serves `POST {url}/agents/chat/{sessionId}`."""

    id: AgentName = Field(description="the agent's name")
    url: Annotated[
        str,
        StringConstraints(max_length=2000, pattern=r"^https?://[A-Za-z0-9\[][^/?#@\s]*(/[^?#\s]*)?$"),
        AfterValidator(_address),
        Field(json_schema_extra={"format": "uri"}),
    ]
    description: Annotated[str, StringConstraints(max_length=1000)] = ""
    runtimeSpec: RuntimeSpec = RuntimeSpec()
    bearerToken: BearerToken | None = Field(
        None,
        description="a secret that each request to it carries as `Authorization: Bearer …`; never shown again",
    )
    leaseSeconds: Annotated[int, Field(ge=5, le=86_400)] | None = Field(
        None,
        description="the registration ends unless it is renewed within this time; null: it stays until it is removed, "
        "which requires the scope `admin`",
    )


def check(new: NewAgent, *, private: bool) -> None:
    """Unless private addresses are allowed, refuse one, and a token over plain HTTP. Raises `Problem`: 422."""
    if private:
        return
    if _private(new.url):
        detail = "the address is not public; to allow private addresses, set ALLOW_PRIVATE_URLS=true"
        raise Problem(422, detail, code="forbidden-address")
    if new.bearerToken and not new.url.startswith("https://"):
        # https://www.rfc-editor.org/rfc/rfc6750#section-5.3
        place = FieldError(where="body", at="/bearerToken", detail="requires an https:// URL")
        raise Problem(422, "request body failed validation", code="invalid", errors=[place])


def _private(url: str) -> bool:
    """Return whether a URL is visibly private. What a host name resolves to is checked at each request."""
    host = urlsplit(url).hostname or ""
    try:
        return not is_public(host)
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal"))
