"""URLs from stored data that are shown as links."""

from __future__ import annotations

import re

# Browsers strip control characters before they parse the scheme, so none are allowed:
# https://url.spec.whatwg.org/#concept-basic-url-parser
_WEB = re.compile(r"https?://[^\s\x00-\x20\x7f<>\"]+", re.IGNORECASE)


def web_url(url: str) -> str:
    """Return the URL if its scheme is http or https, else ""; this excludes `javascript:` in particular."""
    return url if _WEB.fullmatch(url) else ""
