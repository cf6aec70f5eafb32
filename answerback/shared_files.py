"""URLs from which a platform fetches the files of replies, where it takes no uploads.

A URL names one file, sealed: it cannot be guessed, it shows nothing of the thread, and it expires.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from answerback.errors import SealBroken
from answerback.sealing import Seal

if TYPE_CHECKING:
    from answerback.outgoing import File
    from answerback.settings import Settings

PATH = "/shared"
LIFETIME = 43_200
"""Seconds for which a URL is valid: longer than a platform keeps a message in its queue, which is ten hours."""

_PURPOSE = "shared file"
_LONGEST = 2000
"""Characters of the sealed part of a URL."""


class SharedFile(NamedTuple):
    """A file of a thread."""

    thread: str
    file: str


class SharedFiles:
    """Makes URLs of files, and reads them.

    Args:
        seal: Seals with ANSWERBACK_SECRET_KEY.
        public_url: The URL of ingress.
    """

    def __init__(self, seal: Seal, public_url: str) -> None:
        self._seal, self._url = seal, public_url.rstrip("/")

    @classmethod
    def of(cls, settings: Settings) -> SharedFiles | None:
        """Return what the settings allow; None without PUBLIC_URL or ANSWERBACK_SECRET_KEY."""
        seal = Seal.of(settings)
        return cls(seal, settings.public_url) if seal and settings.public_url else None

    def url(self, thread: str, file: File) -> str:
        """Return the URL of a file of a thread, with its name at the end."""
        sealed = self._seal.close(f"{file.file}\n{thread}".encode(errors="surrogatepass"), _PURPOSE).decode()
        name = "".join(each if each.isalnum() or each in "._-" else "_" for each in file.name)[-100:]
        return f"{self._url}{PATH}/{sealed}/{quote(name, safe='', errors='replace')}"

    def opened(self, sealed: str) -> SharedFile:
        """Return the file that a URL names. Raises `SealBroken` if it is not ours, or has expired."""
        if len(sealed) > _LONGEST:
            raise SealBroken
        found = self._seal.open(sealed.encode(errors="surrogatepass"), _PURPOSE, within=LIFETIME)
        file, _, thread = found.decode(errors="surrogatepass").partition("\n")
        return SharedFile(thread, file)
