"""Files of threads, as ingress, workers and archives exchange them."""

from __future__ import annotations

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
