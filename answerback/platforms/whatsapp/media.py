"""Files: which WhatsApp takes, how they are uploaded, and how those of messages are read.

https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media
"""

from __future__ import annotations

from hashlib import blake2b
from urllib.parse import urlsplit

import msgspec

from answerback.errors import Rejected
from answerback.messages import Attachment
from answerback.outgoing import File
from answerback.platforms import Exchange
from answerback.platforms.answer import read
from answerback.platforms.attempt import LAST, Attempt
from answerback.platforms.decoding import Spare
from answerback.platforms.whatsapp.calls import Calls
from answerback.platforms.whatsapp.content import Remote
from answerback.platforms.whatsapp.place import WhatsAppPlace
from answerback.platforms.whatsapp.refusal import Missing
from answerback.replies import Reply

_MEGABYTE = 1_000_000
_IMAGE, _FILM, _DOCUMENT = 5 * _MEGABYTE, 16 * _MEGABYTE, 100 * _MEGABYTE
_KINDS = {
    "image/jpeg": ("image", _IMAGE), "image/png": ("image", _IMAGE),
    "video/mp4": ("video", _FILM), "video/3gpp": ("video", _FILM),
    "audio/aac": ("audio", _FILM), "audio/mp4": ("audio", _FILM), "audio/mpeg": ("audio", _FILM),
    "audio/amr": ("audio", _FILM), "audio/ogg": ("audio", _FILM), "audio/opus": ("audio", _FILM),
}  # fmt: skip
_DOCUMENTS = frozenset({
    "application/pdf", "application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation", "text/plain",
})  # fmt: skip
_AS_TEXT = frozenset({"application/json", "application/xml", "application/yaml", "application/x-yaml"})
_HOSTS = (".fbsbx.com", ".facebook.com", ".whatsapp.net", ".fbcdn.net")
"""Where Meta keeps files; the token goes nowhere else."""

_remote = msgspec.json.Decoder(Remote)


class _Uploaded(msgspec.Struct):
    id: str


class _Where(msgspec.Struct):
    url: Spare[str] = None
    file_size: Spare[int] = None


_uploaded = msgspec.json.Decoder(_Uploaded)
_where = msgspec.json.Decoder(_Where)


def kind_of(file: File) -> tuple[str, str, int]:
    """Return as what a file is sent, with which media type, and its most bytes; "" if WhatsApp does not take it.

    Any text is plain text there; its name says more.
    """
    given = file.content_type.partition(";")[0].strip().lower()
    content_type = "text/plain" if given.startswith("text/") or given in _AS_TEXT else given
    if content_type in _KINDS:
        kind, most = _KINDS[content_type]
        return kind, content_type, most
    return ("document", content_type, _DOCUMENT) if content_type in _DOCUMENTS else ("", content_type, 0)


def problem(file: File) -> str:
    """Return why WhatsApp would refuse a file; "" if it would not."""
    kind, content_type, most = kind_of(file)
    if not kind:
        return f"WhatsApp takes no files of type {content_type}: {file.name}. Send a PDF, a text, or a link"
    if file.size > most:
        return f"{file.name} has {file.size} bytes; WhatsApp accepts {most} of {content_type}"
    return ""


def upload(calls: Calls, reply: Reply, file: File) -> Exchange[str]:
    """Upload a file, which is not visible yet. Return its id, which is valid for 30 days."""
    place, (_, content_type, _) = WhatsAppPlace.of(reply.address), kind_of(file)
    boundary = blake2b(file.data, key=reply.key.encode()[:64], digest_size=16).hexdigest()
    name = "".join(each for each in file.name if each.isprintable() and each not in '"\\') or "file"
    body = b"".join((
        _field(boundary, "messaging_product", b"whatsapp"),
        _field(boundary, "type", content_type.encode()),
        _field(boundary, "file", file.data, f'; filename="{name}"', content_type),
        f"--{boundary}--\r\n".encode(),
    ))  # fmt: skip
    response = yield from calls.post(
        place.number, f"{place.number}/media", body, f"uploading {file.name}", Attempt.of(reply),
        content_type=f"multipart/form-data; boundary={boundary}", place=place,
    )  # fmt: skip
    return read(response, _uploaded, "WhatsApp", unknown=False).id


def _field(boundary: str, name: str, value: bytes, more: str = "", content_type: str = "") -> bytes:
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n'
    head += f"Content-Type: {content_type}\r\n" if content_type else ""
    return head.encode() + b"\r\n" + value + b"\r\n"


def shown(file: File, media: str) -> tuple[str, dict[str, str]]:
    """Return the type and the content of a message that shows an uploaded file."""
    kind, _, _ = kind_of(file)
    content = {"id": media} | ({"filename": file.name} if kind == "document" else {})
    return kind, content


def fetch(calls: Calls, api: str, attachment: Attachment) -> Exchange[bytes]:
    """Return the content of a message's file: its id gives a URL, which is valid for some minutes."""
    try:
        remote = _remote.decode(attachment.remote)
    except msgspec.MsgspecError as error:
        raise Rejected(f"where {attachment.name} is cannot be read: {error}") from error
    path = f"{remote.media}?phone_number_id={remote.number}"
    try:
        response = yield from calls.get(remote.number, path, f"reading {attachment.name}", LAST)
        where = read(response, _where, "WhatsApp", unknown=False)
        url = where.url or ""
        if not _is_metas(url, api):
            raise Rejected("WhatsApp keeps it at an address that is not Meta's")
        data = (yield from calls.get(remote.number, url, f"reading {attachment.name}", LAST)).body
    except Missing as missing:
        raise Rejected("WhatsApp has deleted it: files are kept for 30 days") from missing
    if len(data) < (where.file_size or 0):
        raise Rejected(f"it has {where.file_size} bytes, of which {len(data)} can be read")
    return data


def _is_metas(url: str, api: str) -> bool:
    """Return whether a URL is Meta's, or of the server that stands in for it."""
    try:
        parts, base = urlsplit(url), urlsplit(api)
        if (parts.scheme, parts.hostname, parts.port) == (base.scheme, base.hostname, base.port):
            return True
        return parts.scheme == "https" and bool(parts.hostname) and (parts.hostname or "").endswith(_HOSTS)
    except ValueError:
        return False
