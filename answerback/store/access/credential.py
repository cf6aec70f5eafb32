"""Credentials: `ab_live_<id>_<secret>`. The id is used for the lookup; of the secret, only a hash is stored."""

from __future__ import annotations

import hmac
import re
import secrets
import string
from hashlib import sha256
from typing import Literal, NamedTuple, cast

Kind = Literal["live", "pub", "ses", "user"]

_FORM = re.compile(r"ab_(live|pub|ses|user)_([0-9a-f]{16})_([0-9A-Za-z]{40})")
_ALPHABET = string.digits + string.ascii_letters


class Credential(NamedTuple):
    """A kind, an id of 16 hex digits, and a secret of 40 letters and digits (238 bits)."""

    kind: Kind
    id: str
    secret: str

    @classmethod
    def new(cls, kind: Kind, id: str = "") -> Credential:
        """Create a credential, or with `id` a new secret for an existing one."""
        return cls(kind, id or secrets.token_hex(8), "".join(secrets.choice(_ALPHABET) for _ in range(40)))

    @classmethod
    def read(cls, text: str) -> Credential | None:
        """Parse a credential; None if it is not one."""
        match = _FORM.fullmatch(text)
        return cls(cast(Kind, match[1]), match[2], match[3]) if match else None

    def __str__(self) -> str:
        return f"ab_{self.kind}_{self.id}_{self.secret}"

    @property
    def hash(self) -> str:
        """The stored hash of the secret. A fast hash is safe, since the secret is random."""
        return sha256(self.secret.encode()).hexdigest()

    def matches(self, *hashes: str) -> bool:
        """Return whether one of these hashes is the secret's, compared in constant time."""
        return any(hmac.compare_digest(self.hash, hash) for hash in hashes)
