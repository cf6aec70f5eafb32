"""Files: https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media"""

from __future__ import annotations

import base64
import email
import hashlib
from dataclasses import dataclass
from email.message import Message

from aiohttp import web

from answerback.testing.standins.values import Json
from answerback.testing.standins.whatsapp.errors import refusal

_TYPES = frozenset({
    "audio/aac", "audio/mp4", "audio/mpeg", "audio/amr", "audio/ogg", "audio/opus", "application/vnd.ms-powerpoint",
    "application/msword", "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/pdf", "text/plain",
    "application/vnd.ms-excel", "image/jpeg", "image/png", "image/webp", "video/mp4", "video/3gpp",
})  # fmt: skip


@dataclass
class Stored:
    """A file."""

    id: str
    name: str
    content_type: str
    content: bytes


class Files:
    """Files that were uploaded, or sent by people."""

    def __init__(self) -> None:
        self._files: dict[str, Stored] = {}
        self.url = ""

    def __contains__(self, id: object) -> bool:
        return id in self._files

    def reset(self) -> None:
        """Delete all files."""
        self._files.clear()

    def forget(self, id: str) -> None:
        """Delete one, as after 30 days."""
        self._files.pop(id, None)

    def keep(self, name: str, content_type: str, content: bytes) -> Stored:
        """Store a file."""
        id = str(1_000_000_000_000_001 + len(self._files))
        self._files[id] = Stored(id, name, content_type, content)
        return self._files[id]

    async def upload(self, request: web.Request) -> Json:
        """Take a form with messaging_product, type and file."""
        head = f"Content-Type: {request.headers.get('Content-Type', '')}\r\n\r\n".encode()
        form = {
            str(part.get_param("name", header="Content-Disposition")): part
            for part in email.message_from_bytes(head + await request.read()).walk()
        }
        file, kind = form.get("file"), _content(form.get("type")).decode()
        if file is None or _content(form.get("messaging_product")) != b"whatsapp":
            raise refusal(100, "(#100) The parameter messaging_product is required.")
        if kind not in _TYPES or file.get_content_type() != kind:
            raise refusal(100, f"Param file must be a file with one of the following types: … Received {kind!r}")
        return {"id": self.keep(file.get_filename() or "", kind, _content(file)).id}

    def describe(self, id: str) -> Json:
        """Return where a file is, for five minutes."""
        file = self._found(id)
        return {
            "messaging_product": "whatsapp",
            "url": f"{self.url}/attachments/{file.id}?ext=1764547500&hash=standin",
            "mime_type": file.content_type,
            "sha256": hashlib.sha256(file.content).hexdigest(),
            "file_size": len(file.content),
            "id": file.id,
        }

    def attached(self, file: Stored) -> Json:
        """Return a file as it stands in a message."""
        return {"id": file.id, "mime_type": file.content_type, "sha256": hashlib.sha256(file.content).hexdigest()}

    def content(self, id: str) -> web.Response:
        """Return what is in a file."""
        file = self._found(id)
        return web.Response(body=file.content, content_type=file.content_type)

    def state(self) -> list[Json]:
        """Return all files, the contents in base64."""
        return [
            {"id": one.id, "name": one.name, "content_type": one.content_type, "content": _base64(one.content)}
            for one in self._files.values()
        ]

    def _found(self, id: str) -> Stored:
        if id not in self._files:
            details = f"Object with ID '{id}' does not exist, cannot be loaded due to missing permissions"
            raise refusal(100, details, subcode=33)
        return self._files[id]


def _content(part: Message | None) -> bytes:
    found = part.get_payload(decode=True) if part is not None else b""
    return found if isinstance(found, bytes) else b""


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
