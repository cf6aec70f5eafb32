"""Make and verify the signatures of Twilio's webhooks: of our URL as Twilio knows it, and the fields of the form.

https://www.twilio.com/docs/usage/webhooks/webhooks-security
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal
from urllib.parse import urlsplit

from answerback.platforms import NO_KEYS, Delivery, Headers, Keys, Refusal
from answerback.platforms.signing import same
from answerback.platforms.twilio.form import all_fields, signed_fields
from answerback.platforms.twilio.settings import owned

SIGNATURE = "x-twilio-signature"
SETTINGS = "x-twilio-webhooks-signature-settings"
"""Names the shared key and the algorithm where a webhook rule matches our URL. Without it: auth token and SHA-1.

https://www.twilio.com/docs/usage/webhooks/webhook-rules
"""

OVERRIDES = "#rc=5&rp=all"
"""The end of a webhook's URL that makes Twilio repeat what failed. It is no part of the request; whether it is part of
what is signed is documented differently, so that both are accepted.

https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
"""

Algorithm = Literal["sha1", "sha256"]
_LENGTHS: Mapping[Algorithm, int] = {"sha1": 20, "sha256": 32}
_ALGORITHMS: Mapping[str, Algorithm] = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}
_PORTS = {"http": 80, "https": 443}
_ALGORITHM = re.compile(r"(?:^|,)\s*algorithm=([^,\s]*)")


def sign(secret: str, delivery: Delivery, now: float) -> Headers:
    """Return the header with the signature of URL and fields; Twilio signs no time."""
    _, token = owned(secret)
    fields = {} if _hash_of_body(delivery) else signed_fields(delivery)
    digest = hmac.digest(token.encode(), _signed(delivery.url, fields), "sha1")
    return {SIGNATURE: base64.b64encode(digest).decode()}


def verify(secrets: Sequence[str], delivery: Delivery, now: float, fetched: Keys = NO_KEYS) -> Refusal | None:
    """Return None if one of `secrets` signed this delivery, else the refusal.

    A secret "AC…:token" is good for deliveries of that account only. Twilio signs no time, so `now` is not used: a
    repeated delivery is recognised by its message.
    """
    tokens = [owned(secret.strip()) for secret in secrets if secret.strip()]
    if not tokens:
        return Refusal("unconfigured", "no secret is configured: set TWILIO_AUTH_TOKEN")
    given, algorithm = delivery.headers.get(SIGNATURE, ""), _algorithm(delivery.headers.get(SETTINGS, ""))
    if not given:
        return Refusal("unsigned", "the X-Twilio-Signature header is missing")
    if algorithm is None:
        return Refusal("malformed", "X-Twilio-Webhooks-Signature-Settings names an unknown algorithm")
    try:
        signature = base64.b64decode(given, validate=True)
        fields, query = signed_fields(delivery), all_fields(delivery.query)
    except (ValueError, binascii.Error):
        return Refusal("malformed", "X-Twilio-Signature is not base64, or the form cannot be read")
    if len(signature) != _LENGTHS[algorithm]:
        return Refusal("malformed", f"X-Twilio-Signature is not a signature with {algorithm}")
    account = next(iter((query if delivery.method == "GET" else fields).get("AccountSid", [])), "")
    if expected := _hash_of_body(delivery):
        if not same(hashlib.sha256(delivery.body).hexdigest().encode(), expected):
            return Refusal("mismatch", "the body is not the one that bodySHA256 describes")
        fields = {}
    for url in dict.fromkeys(_urls(delivery)):
        message = _signed(url, fields)
        for owner, token in tokens:
            key = token.encode(errors="surrogatepass")
            if same(signature, hmac.digest(key, message, algorithm)) and owner in ("", account):
                return None
    return Refusal("mismatch", _mismatch(delivery))


def _mismatch(delivery: Delivery) -> str:
    shown = delivery.url.partition("?")[0] or "the URL that the request names"
    return (
        f"the signature does not match: TWILIO_AUTH_TOKEN is not the account's, or Twilio does not know us as {shown}, "
        "which PUBLIC_URL decides"
    )


def _algorithm(settings: str) -> Algorithm | None:
    found = _ALGORITHM.search(settings)
    return _ALGORITHMS.get(found[1]) if found else "sha1"


def _hash_of_body(delivery: Delivery) -> bytes:
    """Return the digest of a body that is not a form, which is in the signed URL; b"" without one."""
    try:
        return all_fields(delivery.query).get("bodySHA256", [""])[0].lower().encode(errors="surrogatepass")
    except ValueError:
        return b""


def _signed(url: str, fields: Mapping[str, Sequence[str]]) -> bytes:
    """Return what is signed: the URL, then each field in order with its name before each distinct value."""
    pairs = (f"{name}{value}" for name in sorted(fields) for value in sorted(set(fields[name])))
    return "".join([url, *pairs]).encode(errors="surrogatepass")


def _urls(delivery: Delivery) -> Iterator[str]:
    """Yield the forms of our URL that may have been signed: with and without its port, and with the overrides.

    Without `PUBLIC_URL`, our address is what the request names: the signature covers it.
    """
    known = [delivery.url]
    if not delivery.url:
        host = delivery.headers.get("host", "")
        target = f"{delivery.path}?{delivery.query}" if delivery.query else delivery.path
        known = [f"{scheme}://{host}{target}" for scheme in _PORTS]
    for url in known:
        for form in (url, *_other_ports(url)):
            yield form
            yield f"{form}{OVERRIDES}"


def _other_ports(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
        host, port = parts.netloc, parts.port
    except ValueError:
        return
    if port is not None:
        yield url.replace(host, host.rpartition(":")[0], 1)
    elif usual := _PORTS.get(parts.scheme):
        yield url.replace(host, f"{host}:{usual}", 1)
