"""The files of messages, described for `fetch`: https://core.telegram.org/bots/api#getfile"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from answerback.messages import Attachment
from answerback.platforms.telegram.payload import FileObject, Message


class Remote(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a file is: `Attachment.remote` as JSON. `bot`: the account to which the id belongs."""

    file: str
    bot: str = ""


class _Kind(NamedTuple):
    field: str
    name: str
    type: str


_KINDS = (
    _Kind("animation", "animation.mp4", "video/mp4"),
    _Kind("document", "document", "application/octet-stream"),
    _Kind("spoken", "voice.ogg", "audio/ogg"),
    _Kind("audio", "audio.mp3", "audio/mpeg"),
    _Kind("video", "video.mp4", "video/mp4"),
    _Kind("video_note", "video.mp4", "video/mp4"),
    _Kind("sticker", "sticker.webp", "image/webp"),
)

_remote = msgspec.json.Decoder(Remote)


def attached_files(message: Message, bot: str) -> tuple[Attachment, ...]:
    """Return the file of a message; of a photo, the largest of its sizes."""
    if message.photo:
        return _attachment(message.photo[-1], _Kind("photo", "photo.jpg", "image/jpeg"), bot)
    for kind in _KINDS:
        file: FileObject | None = getattr(message, kind.field)
        if file is not None:
            return _attachment(file, kind, bot)  # an animation is described as a document, too
    return ()


def remote_of(attachment: Attachment) -> Remote | None:
    """Return where a file is; None if that cannot be read."""
    try:
        return _remote.decode(attachment.remote)
    except msgspec.MsgspecError:
        return None


def _attachment(file: FileObject, kind: _Kind, bot: str) -> tuple[Attachment, ...]:
    if not file.file_id:
        return ()
    remote = msgspec.json.encode(Remote(file.file_id, bot)).decode()
    return (
        Attachment(
            name=file.file_name or kind.name,
            content_type=file.mime_type or kind.type,
            size=file.file_size or 0,
            remote=remote,
        ),
    )
