"""`/shared/{sealed}/{name}`: the files of replies, for platforms that fetch them from us."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from answerback.errors import NoSuchFile, SealBroken
from answerback.files import StoredFile
from answerback.settings import Settings
from answerback.shared_files import PATH, SharedFiles
from answerback.store.threads.files import Files
from answerback.store.threads.threads import Threads

from .api.files.downloads import send_file
from .problems import Problem

_LONGEST = 20
"""Characters of a name that phones show."""
_SHOWN = frozenset({"application/pdf", "text/vcard", "text/x-vcard", "text/calendar", "text/csv"})


class SharedFileRoutes:
    """Sends a file to a client that has its URL. Lists nothing, and does not say what is wrong with a URL."""

    def __init__(self, settings: Settings, threads: Threads) -> None:
        self._shared = SharedFiles.of(settings)
        self._files = Files(threads)

    def routes(self) -> list[web.RouteDef]:
        """Return the route; none if no URL can be made."""
        return [web.get(f"{PATH}/{{sealed}}/{{name}}", self.send)] if self._shared else []

    async def send(self, request: web.Request) -> web.StreamResponse:
        """Send a file, or what HEAD asks of it."""
        assert self._shared
        try:
            found = self._shared.opened(request.match_info["sealed"])
            file = await self._files.get(found.thread, found.file)
        except (SealBroken, NoSuchFile):
            raise Problem(404, "there is no such file") from None

        def read(start: int, end: int) -> AsyncIterator[bytes]:
            return self._files.read(found.thread, file, start, end)

        return await send_file(request, file, read, _headers(file))


def _headers(file: StoredFile) -> dict[str, str]:
    """Return the type, with which Twilio compares the content, and the name that people see.

    https://www.twilio.com/docs/messaging/guides/accepted-mime-types
    """
    stem, _, ending = file.name.rpartition(".")
    stem, ending = (_plain(stem), f".{_plain(ending)[:5]}") if stem and ending else (_plain(file.name), "")
    kind = file.content_type.partition("/")[0]
    shown = (kind in ("image", "audio", "video") and "svg" not in file.content_type) or file.content_type in _SHOWN
    name = f"{stem[: _LONGEST - len(ending)] or 'file'}{ending}"
    return {
        "Content-Type": file.content_type,
        "Content-Disposition": f'{"inline" if shown else "attachment"}; filename="{name}"',
    }


def _plain(name: str) -> str:
    return "".join(each if each.isascii() and (each.isalnum() or each in "-_") else "_" for each in name).strip("_")
