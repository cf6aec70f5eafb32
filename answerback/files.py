"""Files of threads, as ingress, workers and archives exchange them."""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from fnmatch import fnmatchcase

import msgspec

CHUNK = 262_144
"""The size of the pieces in which a file is stored, in bytes; its last piece may be shorter."""


class StoredFile(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A file of a thread, without its content.

    Attributes:
        id: `<public id of the thread>.<20 hex digits>`.
        name: The file name.
        content_type: The media type, such as "image/png".
        size: Its size in bytes.
        at: When it was uploaded, in ms since 1970.
        visitor: Whether a page's visitor or a user uploaded it, or an agent sent it. They see only such files.
    """

    id: str
    name: str
    content_type: str
    size: int
    at: int
    visitor: bool = False

    @property
    def chunks(self) -> int:
        """The number of pieces in which it is stored; an empty file has one."""
        return max(1, -(-self.size // CHUNK))


def is_text(content_type: str) -> bool:
    """Return whether files of this type are text in UTF-8."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind.startswith("text/") or kind == "application/json"


_MAGIC = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
)


def detected_type(content_type: str, name: str, data: bytes) -> str:
    """Return the media type of a file; of one that is "", unspecific or "image/*", by its content and its name."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind and kind != "application/octet-stream" and not kind.endswith("/*"):
        return kind
    for start, found in _MAGIC:
        if data.startswith(start):
            return found
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if guessed := mimetypes.guess_type(name)[0]:
        return guessed
    try:
        data[:4096].decode()
    except UnicodeDecodeError as error:
        # A character may be cut at the end of the piece.
        if error.start < len(data[:4096]) - 4 or len(data) <= 4096:
            return "application/octet-stream"
    return "application/octet-stream" if b"\0" in data[:4096] else "text/plain"


def allowed_type(content_type: str, allowed: Sequence[str]) -> bool:
    """Return whether a media type is among patterns such as "text/*"."""
    return any(fnmatchcase(content_type, pattern) for pattern in allowed)
