"""The files of messages, described for `fetch`: https://docs.slack.dev/reference/objects/file-object"""

from __future__ import annotations

import msgspec

from answerback.messages import Attachment
from answerback.platforms.decoding import Spare, tolerant

MOST = 20
"""The most files of one message that are fetched."""
_NULL = b"null"


class Remote(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a file is: `Attachment.remote` as JSON.

    Attributes:
        file: Its id.
        url: Its address, for which our token is needed; "": it has to be asked for.
    """

    file: str
    url: str = ""


class FileObject(msgspec.Struct):
    """A file in a message, or in the response of `files.info`."""

    id: Spare[str] = None
    name: Spare[str] = None
    title: Spare[str] = None
    mimetype: Spare[str] = None
    size: Spare[int] = None
    mode: Spare[str] = None
    is_external: Spare[bool] = None
    file_access: Spare[str] = None
    url_private: Spare[str] = None
    url_private_download: Spare[str] = None

    @property
    def address(self) -> str:
        """Where its content is."""
        return self.url_private_download or self.url_private or ""


_files = msgspec.json.Decoder(list[FileObject])
_remote = msgspec.json.Decoder(Remote)


def attached_files(raw: msgspec.Raw) -> tuple[Attachment, ...]:
    """Return the files of a message. Unreadable ones are left out; what cannot be had says why."""
    if bytes(raw) == _NULL:
        return ()
    try:
        files = tolerant(_files, raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ()
    return tuple(_attachment(file) for file in files[:MOST] if file.id)


def _attachment(file: FileObject) -> Attachment:
    """https://docs.slack.dev/apis/slack-connect/using-slack-connect-files for `check_file_info`"""
    name, kind = file.name or file.title or "file", file.mimetype or "application/octet-stream"
    size = max(file.size or 0, 0)
    problem = ""
    if file.mode == "tombstone":
        problem = "it was deleted"
    elif file.mode == "hidden_by_limit":
        problem = "the workspace's plan hides it, since it is old"
    elif file.is_external:
        problem = "it is kept outside of Slack"
    if problem:
        return Attachment(name=name, content_type=kind, size=size, problem=problem)
    hidden = file.file_access == "check_file_info"
    remote = msgspec.json.encode(Remote(file.id or "", "" if hidden else file.address)).decode()
    return Attachment(name=name, content_type=kind, size=size, remote=remote)


def file_id(attachment: Attachment) -> str:
    """Return Slack's id of a file; "" if it has none."""
    try:
        return _remote.decode(attachment.remote).file
    except msgspec.MsgspecError:
        return ""
