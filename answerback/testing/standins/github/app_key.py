"""A GitHub App's JSON web token, checked as GitHub checks it, without a cryptography library.

https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

import msgspec

_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
"""The DER prefix of a SHA-256 digest: https://datatracker.ietf.org/doc/html/rfc8017#section-9.2"""


class Header(msgspec.Struct):
    """A token's first part."""

    alg: str


class TokenClaims(msgspec.Struct):
    """A token's second part."""

    iss: str | int
    iat: int
    exp: int


def problem(token: str, app_id: int, client_id: str, pem: str, now: float) -> str | None:
    """Return why GitHub refuses this token, or None. `pem`: the app's key; empty: the signature is not checked."""
    try:
        head, body, signature = token.split(".")
        header = msgspec.json.decode(_unbase64(head), type=Header)
        claims = msgspec.json.decode(_unbase64(body), type=TokenClaims)
        signed = _unbase64(signature)
    except (ValueError, msgspec.DecodeError):
        return "A JSON web token could not be decoded"
    if header.alg != "RS256" or (pem and not _signed(f"{head}.{body}".encode(), signed, pem)):
        return "A JSON web token could not be decoded"
    if str(claims.iss) not in (str(app_id), client_id):
        return "Integration not found"
    if claims.iat > now:
        return "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
    if claims.exp <= now:
        return "'Expiration time' claim ('exp') must be a numeric value representing the future time"
    if claims.exp - now > 600:
        return "'Expiration time' claim ('exp') is too far in the future"
    return None


def _unbase64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _signed(message: bytes, signature: bytes, pem: str) -> bool:
    """RSASSA-PKCS1-v1_5: https://datatracker.ietf.org/doc/html/rfc8017#section-8.2.2"""
    modulus, exponent = _public_numbers(pem)
    size = (modulus.bit_length() + 7) // 8
    found = pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(size, "big")
    tail = b"\x00" + _SHA256 + hashlib.sha256(message).digest()
    return found == b"\x00\x01" + b"\xff" * (size - 2 - len(tail)) + tail


def _public_numbers(pem: str) -> tuple[int, int]:
    """Return modulus and exponent of an RSA key, private or public: its first two integers after any version."""
    lines = pem.replace("\\n", "\n").strip().splitlines()
    integers = (number for number in _integers(base64.b64decode("".join(lines[1:-1]))) if number)
    return next(integers), next(integers)


def _integers(der: bytes) -> Iterator[int]:
    """Return the integers of a DER structure, in order, at any depth."""
    while len(der) >= 2:
        tag, length, start = der[0], der[1], 2
        if length & 0x80:
            start += length & 0x7F
            length = int.from_bytes(der[2:start], "big")
        value, der = der[start : start + length], der[start + length :]
        match tag:
            case 0x02:
                yield int.from_bytes(value, "big")
            case 0x30 | 0x04:
                yield from _integers(value)
            case 0x03:
                yield from _integers(value[1:])
