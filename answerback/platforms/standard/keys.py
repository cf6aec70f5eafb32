"""Keys of Standard Webhooks: a shared secret, or one half of an ed25519 key pair.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme
"""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Literal, NamedTuple

SHARED, PUBLIC, PRIVATE = "whsec_", "whpk_", "whsk_"

_SEED = 32
_OTHER_ALPHABET = str.maketrans("-_", "+/")


class Key(NamedTuple):
    """A configured key.

    Attributes:
        scheme: Its signature scheme: "v1" is HMAC-SHA256, "v1a" is ed25519.
        raw: The shared secret; the public key; or the seed of the private key.
        half: Which half of a key pair it is; "" for a shared secret.
    """

    scheme: Literal["v1", "v1a"]
    raw: bytes
    half: Literal["", "public", "private"] = ""


@lru_cache(maxsize=64)
def read(secret: str) -> Key:
    """Parse a key by its prefix; without one it is a shared secret. Raises ValueError for an unusable key."""
    if secret.startswith(PUBLIC):
        return Key("v1a", _exactly(_bytes(secret.removeprefix(PUBLIC)), _SEED), "public")
    if secret.startswith(PRIVATE):
        raw = _bytes(secret.removeprefix(PRIVATE))
        # Some libraries append the public key to the seed.
        return Key("v1a", _exactly(raw[:_SEED] if len(raw) == 2 * _SEED else raw, _SEED), "private")
    raw = b"" if secret in ("v1", "v1a") else _bytes(secret.removeprefix(SHARED))
    if not raw:
        raise ValueError("the secret is empty")
    return Key("v1", raw)


def signs(secret: str) -> bool:
    """Return whether this key can sign: all but public keys can."""
    return not secret.startswith(PUBLIC)


def sign(key: Key, message: bytes) -> bytes:
    """Return the ed25519 signature of a message. Raises ValueError for a public key."""
    # Imported here because it is slow, and most senders use a shared secret.
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if key.half != "private":
        raise ValueError("a public key cannot sign")
    return Ed25519PrivateKey.from_private_bytes(key.raw).sign(message)


def signed(key: Key, signature: bytes, message: bytes) -> bool:
    """Return whether this signature was made with the key pair that `key` belongs to."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

    private = key.half == "private"
    public = Ed25519PrivateKey.from_private_bytes(key.raw).public_key() if private else None
    try:
        (public or Ed25519PublicKey.from_public_bytes(key.raw)).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _bytes(text: str) -> bytes:
    """Decode base64 of either alphabet, with or without padding."""
    text = text.rstrip("=")
    return base64.b64decode(text.translate(_OTHER_ALPHABET) + "=" * (-len(text) % 4), validate=True)


def _exactly(raw: bytes, length: int) -> bytes:
    if len(raw) != length:
        raise ValueError(f"an ed25519 key has {length} bytes, this one {len(raw)}")
    return raw
