"""Base64 as browsers read it: https://infra.spec.whatwg.org/#forgiving-base64-decode."""

from __future__ import annotations

import base64
import re

_GAP = r"[ \t\n\f\r]*"
_DIGIT = rf"({_GAP}[A-Za-z0-9+/])"
PATTERN = f"^({_DIGIT}{{4}})*({_DIGIT}{{2}}({_GAP}={_GAP}=)?|{_DIGIT}{{3}}({_GAP}=)?)?{_GAP}$"
"""The accepted input, for a JSON schema: white space anywhere, padding optional."""

_gap = re.compile(r"[ \t\n\f\r]+")
_readable = re.compile(r"([A-Za-z0-9+/]*)(={0,2})")


def decoded(text: str) -> bytes:
    """Decode base64 text. Raises `ValueError`."""
    match = _readable.fullmatch(_gap.sub("", text))
    if match is None:
        raise ValueError("is not valid base64")
    digits, padding = match.groups()
    if len(digits) % 4 == 1 or (padding and (len(digits) + len(padding)) % 4):
        raise ValueError("is not valid base64")
    return base64.b64decode(digits + "=" * (-len(digits) % 4))
