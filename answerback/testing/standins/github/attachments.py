"""Files that people attach to their texts: who may download them, and the signed addresses in rendered texts."""

from __future__ import annotations

import html
import re
import time
from dataclasses import dataclass

from aiohttp import web

from answerback.testing.standins.github.comments import Repository
from answerback.testing.standins.github.credentials import Actor, failure
from answerback.testing.standins.github.world import World
from answerback.testing.standins.standin import Operation, Refusal
from answerback.testing.standins.values import Json

SIGNED = 300.0
"""Seconds for which a signed address is good."""

_RENDERED = ("full+json", "html+json")
_IMAGE = re.compile(r'!\[([^\]]*)\]\((\S+?)\)|<img\b[^>]*\bsrc="([^"]+)"[^>]*>')
_LINK = re.compile(r"\[([^\]]*)\]\((\S+?)\)")


@dataclass
class File:
    """An attached file. `private`: in a private repository."""

    path: str
    name: str
    content: bytes
    type: str
    private: bool


class Attachments:
    """The attached files. Their addresses begin with the stand-in's own, as those on GitHub with https://github.com."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.reset()

    def reset(self) -> None:
        """Delete all files."""
        self._files: dict[str, File] = {}
        self._signed: dict[str, tuple[File, float]] = {}

    def operations(self) -> list[Operation]:
        """Return the operations."""
        return [
            Operation("GET", "/user-attachments/{rest:.+}", "attachments/download", self._download),
            Operation("GET", "/signed-attachments/{key}", "attachments/download-signed", self._download_signed),
        ]

    def add(self, name: str, content: bytes, type: str, *, private: bool) -> str:
        """Store a file. Return its path: an image's name is not part of it."""
        number = self._world.comments.next_id()
        image = type.startswith("image/")
        path = f"assets/{number:08x}-0000-4000-8000-{number:012x}" if image else f"files/{number}/{name}"
        self._files[path] = File(path, name, content, type, private)
        return f"/user-attachments/{path}"

    def rendered(self, request: web.Request, repository: Repository, actor: Actor, found: Json) -> Json:
        """Return a text with `body_html` if the request asks for it: https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api#media-types

        Images are shown by signed addresses; other files are linked as they are in the text.
        """
        accepted = request.headers.get("Accept", "")
        if not any(kind in accepted for kind in _RENDERED):
            return found
        shown = found if "full+json" in accepted else {name: found[name] for name in found if name != "body"}
        return shown | {"body_html": self.html(request, found["body"] or "")}

    def html(self, request: web.Request, markdown: str) -> str:
        """Return a text as GitHub renders it."""
        root = str(request.url.origin()) + "/github"

        def image(match: re.Match[str]) -> str:
            url = match[2] or match[3]
            file = self._files.get(url.partition("/user-attachments/")[2])
            source = html.escape(f"{root}/{self._sign(file)}" if file else url)
            alt = html.escape(match[1] or "Image")
            return f'<a target="_blank" rel="noopener noreferrer" href="{source}"><img src="{source}" alt="{alt}"></a>'

        kept: list[str] = []

        def aside(text: str) -> str:
            kept.append(text)
            return f"\0{len(kept) - 1}\0"

        text = _IMAGE.sub(lambda match: aside(image(match)), markdown)
        text = _LINK.sub(lambda match: aside(f'<a href="{html.escape(match[2])}">{html.escape(match[1])}</a>'), text)
        shown = re.sub("\0(\\d+)\0", lambda match: kept[int(match[1])], html.escape(text, quote=False))
        return f'<p dir="auto">{shown}</p>'

    def _sign(self, file: File) -> str:
        key = f"{self._world.comments.next_id():x}-{file.path.rpartition('/')[2]}"
        self._signed[key] = file, time.time() + SIGNED
        return f"signed-attachments/{key}?jwt={key}"

    async def _download(self, request: web.Request) -> web.Response:
        """A file of a public repository is anybody's. One of a private repository needs a person's own token."""
        file = self._files.get(request.match_info["rest"])
        if file is None or (file.private and not self._may_read(request)):
            raise Refusal(failure(404, "Not Found"))
        response = web.Response(status=302)
        response.headers["Location"] = f"{request.url.origin()}/github/{self._sign(file)}"
        return response

    def _may_read(self, request: web.Request) -> bool:
        if "Authorization" not in request.headers:
            return False
        try:
            return self._world.credentials.actor(request).app is None
        except Refusal:
            return False

    async def _download_signed(self, request: web.Request) -> web.Response:
        """The storage refuses a request that is signed twice: by the address, and by a header."""
        file, until = self._signed.get(request.match_info["key"], (None, 0.0))
        if file is None or request.query.get("jwt") != request.match_info["key"] or time.time() >= until:
            return web.Response(status=404, text="404: Not Found")
        if "Authorization" in request.headers:
            return web.Response(status=400, text="<Error><Code>InvalidArgument</Code></Error>")
        headers = {"Content-Disposition": f'attachment; filename="{file.name}"'}
        return web.Response(body=file.content, content_type=file.type, headers=headers)
