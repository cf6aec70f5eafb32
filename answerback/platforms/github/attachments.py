"""The files in what people write on GitHub: found in its text, described for `fetch`."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterator
from typing import Annotated
from urllib.parse import unquote, urlsplit

import msgspec

from answerback.events import Address
from answerback.messages import Attachment

MOST = 10
"""The most files of one message that are fetched."""

_PATHS = re.compile(
    r"/user-attachments/(?:assets|files)/[\w./%-]+"  # since 2023
    r"|/[\w.-]+/[\w.-]+/(?:files|assets)/\d+/[\w.%-]+",  # before
    re.ASCII,
)
_OLD_IMAGES = re.compile(r"(?:private-)?user-images\.githubusercontent\.com", re.ASCII)
_HINTS = ("/user-attachments/", "user-images.githubusercontent.com/", "/files/", "/assets/")
# ![words](URL), [words](URL), <img …>, or a bare URL. Every repetition is bounded: hostile text takes linear time.
_FILE = re.compile(
    r"(?P<image>!?)\[(?P<words>[^\]\n]{0,200})\]\((?P<link>https?://[^\s()]{1,500})\)"
    r"|<img\b(?P<tag>[^<>]{0,600})>"
    r"|(?P<bare>https?://[^\s<>()\"'\]]{1,500})",
    re.IGNORECASE,
)
_SOURCE = re.compile(r"\bsrc\s*=\s*[\"'](https?://[^\"']{1,500})[\"']", re.IGNORECASE)
_ALT = re.compile(r"\balt\s*=\s*[\"']([^\"']{0,200})[\"']", re.IGNORECASE)


class Remote(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Where a file is: `Attachment.remote` as JSON.

    Attributes:
        url: The address in the text; "" for the comments of a review.
        repo: The repository of the text, with its `number` and `installation`.
        message: The id of the text that has it: its rendered form has an address that is signed.
        node: The node id of that text, in a discussion.
        review: The id of a review, whose comments on lines are the file.
    """

    repo: str
    number: Annotated[int, msgspec.Meta(ge=1)]
    installation: int = 0
    url: str = ""
    message: str = ""
    node: str = ""
    review: int = 0


def attached_files(body: str, address: Address, message: str) -> tuple[Attachment, ...]:
    """Return the files that a text links to on GitHub, each once, in order."""
    if not any(hint in body for hint in _HINTS):
        return ()
    found: dict[str, Attachment] = {}
    for url, words, image in _links(body):
        if url not in found and len(found) < MOST and _is_attachment(url):
            remote = _remote(address, url=url, message=message, node=str(address.get("node", "")))
            found[url] = Attachment(name=_name(url, words), content_type=_type(url, words, image=image), remote=remote)
    return tuple(found.values())


def review_comments(review: int, address: Address) -> Attachment:
    """Return the comments on lines of a review as a file: its webhook does not have them."""
    remote = _remote(address, review=review)
    return Attachment(name="review-comments.md", content_type="text/markdown", remote=remote)


def _links(body: str) -> Iterator[tuple[str, str, bool]]:
    """Yield each URL with its words, and whether it is shown as an image."""
    for match in _FILE.finditer(body):
        if match["tag"] is not None:
            source, alt = _SOURCE.search(match["tag"]), _ALT.search(match["tag"])
            if source:
                yield source[1], alt[1] if alt else "", True
        else:
            yield match["link"] or match["bare"].rstrip(".,;:!?"), match["words"] or "", match["image"] == "!"


def _is_attachment(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(_PATHS.search(parts.path) or _OLD_IMAGES.fullmatch(host))


def _name(url: str, words: str) -> str:
    last = unquote(urlsplit(url).path.rpartition("/")[2])
    # An image's address has an id instead of a name.
    name = last if "." in last else words or last
    return "".join(c for c in name if c.isprintable() and c not in '/\\:"<>|?*')[:100] or "file"


def _type(url: str, words: str, *, image: bool) -> str:
    """Return the media type by the name; "" if only the content can tell."""
    known = mimetypes.guess_type(urlsplit(url).path)[0] or mimetypes.guess_type(words.strip())[0]
    return known or ("image/*" if image else "")


def _remote(address: Address, *, url: str = "", message: str = "", node: str = "", review: int = 0) -> str:
    remote = Remote(
        repo=str(address["repo"]),
        number=int(address["number"]),
        installation=int(address.get("installation", 0)),
        url=url,
        message=message,
        node=node,
        review=review,
    )
    return msgspec.json.encode(remote).decode()
