"""Addresses that come from data and end in a link."""

from __future__ import annotations

import re

# Browsers drop control characters before they read the scheme, so none may be there:
# https://url.spec.whatwg.org/#concept-basic-url-parser
_WEB = re.compile(r"https?://[^\s\x00-\x20\x7f<>\"]+", re.IGNORECASE)


def web_url(url: str) -> str:
    """An address that may be followed from a page: http or https. "" for any other, `javascript:` above all."""
    return url if _WEB.fullmatch(url) else ""
