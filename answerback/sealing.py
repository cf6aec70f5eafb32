"""Sealing what must not be readable in the store: credentials that platforms give us, and states that we hand out."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING

from answerback.errors import SealBroken

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

    from answerback.settings import Settings


class Seal:
    """Encrypts and authenticates with the first of several keys, and opens what was sealed with any of them.

    A purpose is part of the key: what was sealed for one is not accepted for another, so that the credential of one
    account cannot be put in the place of another's.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = tuple(key.encode() for key in keys)

    @classmethod
    def of(cls, settings: Settings) -> Seal | None:
        """Return the seal with the keys of ANSWERBACK_SECRET_KEY; None if it is not set."""
        keys = [key.get_secret_value() for key in settings.secret_key]
        return cls(keys) if keys else None

    def close(self, plain: bytes, purpose: str) -> bytes:
        """Return `plain`, sealed: ASCII that is safe in a URL."""
        return self._fernet(purpose).encrypt(plain)

    def open(self, sealed: bytes, purpose: str, *, within: int | None = None) -> bytes:
        """Return what was sealed. `within`: the longest time since then, in seconds.

        Raises `SealBroken` if it was sealed with another key, for another purpose or too long ago, or was changed.
        """
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet(purpose).decrypt(sealed, ttl=within)
        except InvalidToken:
            raise SealBroken from None

    def outdated(self, sealed: bytes, purpose: str) -> bool:
        """Return whether it was sealed with a key that is no longer the first, of several."""
        if len(self._keys) == 1:
            return False
        try:
            Seal([self._keys[0].decode()]).open(sealed, purpose)
        except SealBroken:
            return True
        return False

    def _fernet(self, purpose: str) -> MultiFernet:
        # Imported here: processes without installed accounts need no cryptography.
        from cryptography.fernet import Fernet, MultiFernet
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        def derived(key: bytes) -> bytes:
            return HKDF(SHA256(), length=32, salt=None, info=f"answerback {purpose}".encode()).derive(key)

        return MultiFernet([Fernet(base64.urlsafe_b64encode(derived(key))) for key in self._keys])
