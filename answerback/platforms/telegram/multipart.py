"""Multipart forms, in which files are sent: https://core.telegram.org/bots/api#sending-files"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Mapping
from hashlib import blake2b

import msgspec

from answerback.outgoing import File

_UNSAFE = re.compile(r'[\x00-\x1f\x7f"\\]')


def form(content: Mapping[str, object], files: Mapping[str, File]) -> tuple[dict[str, str], bytes]:
    """Return headers and body of a form. A repeat has the same body, byte for byte."""
    parts = [(f'form-data; name="{name}"', "", _value(value)) for name, value in content.items()]
    parts += [
        (f'form-data; name="{name}"; filename="{_UNSAFE.sub("_", file.name)}"', media_type(file), file.data)
        for name, file in files.items()
    ]
    boundary = blake2b(b"".join(value for _, _, value in parts), digest_size=16).hexdigest()
    body = bytearray()
    for disposition, kind, value in parts:
        body += f"--{boundary}\r\nContent-Disposition: {disposition}\r\n".encode(errors="replace")
        body += f"Content-Type: {kind}\r\n\r\n".encode() if kind else b"\r\n"
        body += value + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    return {"content-type": f"multipart/form-data; boundary={boundary}"}, bytes(body)


def media_type(file: File) -> str:
    """Return the media type of a file."""
    kind = file.content_type or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return _UNSAFE.sub("", kind)


def _value(value: object) -> bytes:
    return value.encode(errors="replace") if isinstance(value, str) else msgspec.json.encode(value)
