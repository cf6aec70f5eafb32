"""Masking secrets in what is logged: the configured ones, and what looks like one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import lru_cache

_SECRET_NAME = re.compile(
    r"token|secret|password|passwd|authorization|signature|credential|cookie|api_?key|private_?key", re.IGNORECASE
)
# Matched in finished lines, so that nothing can hide in a nested value or a traceback. Line breaks are already escaped
# there as two characters, "\\n", so a secret may appear to be inside a word.
_SECRET = (
    r"(?P<kind>gh[pousr]_|github_pat_|xox[a-z]{1,8}-|xapp-|whsec_|whsk_|ab_(?:live|pub|ses|user)_|(?i:bearer)\s+"
    r"|(?:(?<![A-Za-z0-9])|(?<=\\[bfnrt])|(?<=\\x[0-9a-f]{2})|(?<=\\u[0-9a-f]{4}))sk-(?=\S{16})"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r")(?:(?<=KEY-----)[^\"]*?(?=-----END|\"|$)|[\w.~+/=-]{8,})"
    r"|(?P<address>\w://[^\s:/@\"']*:)[^\s/@\"']+(?=@)"
)
# A JSON Web Token. Everything that could start one is consumed at once, whether or not it is one: trying each "eyJ" of
# a long text would take quadratic time.
_TOKEN = r"(?P<token>eyJ)(?P<head>[\w-]*+)(?P<rest>\.[\w-]++\.[\w.~+/=-]*+)?"
_SECRET_TEXT = re.compile(f"{_SECRET}|{_TOKEN}")
_SECRET_IN_WORD = re.compile(_SECRET)
# Every match contains one of these, and few lines do: far cheaper to search for than the pattern.
# fmt: off
_MARKS = (
    "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "xox", "xapp-", "whsec_", "whsk_", "ab_live_", "ab_pub_",
    "ab_ses_", "ab_user_", "sk-", "eyJ", "earer", "EARER", "KEY-----", "://",
)
# fmt: on
_encode = json.JSONEncoder(default=repr, skipkeys=True).encode

SHORTEST = 8
"""Characters of a configured secret that is masked: a shorter one would mask parts of ordinary words."""
_configured: list[str] = []
"""The configured secrets, in each form that a line may have them in; the longest first."""


def mask(secrets: Iterable[str]) -> None:
    """Mask these values in all lines from now on, whatever they look like: the configured secrets."""
    forms = {form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)}
    _configured[:] = sorted({*_configured, *forms}, key=len, reverse=True)


def _forms(secret: str) -> set[str]:
    """Return a secret as it is, and as escaped by `repr`, by JSON, or by both."""
    # `repr` escapes "'" only in a text that has '"', too.
    texts = (secret, repr(secret)[1:-1], repr(f'"{secret}')[2:-1])
    return {*texts, *(_encode(text)[1:-1] for text in texts)}


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def masked_value(name: object, value: object, depth: int = 5) -> object:
    """Return a value, or "***" if its name, or one inside it, says that it is secret."""
    # A number under such a name is a count, for example of model tokens, and not a secret.
    if isinstance(value, (str, bytes)):
        return "***" if value and isinstance(name, str) and _is_secret(name) else value
    if not isinstance(value, (dict, list, tuple)):
        return value
    if not depth:  # too deep for a log line, or recursive
        return "..."
    if isinstance(value, dict):
        return {key: masked_value(key, inner, depth - 1) for key, inner in value.items()}
    return [masked_value(name, inner, depth - 1) for inner in value]


def masked(line: str) -> str:
    """Return a text without the configured secrets, and without what looks like one."""
    for secret in _configured:
        line = line.replace(secret, "***")
    if not any(mark in line for mark in _MARKS):
        return line
    return _SECRET_TEXT.sub(_replaced, line)


def _replaced(found: re.Match[str]) -> str:
    if found["token"] and not found["rest"]:
        return found["token"] + _SECRET_IN_WORD.sub(_kept, found["head"])
    return f"{found['token']}***" if found["token"] else _kept(found)


def _kept(found: re.Match[str]) -> str:
    return f"{found['kind'] or found['address']}***"
