"""Download the files of messages: https://core.telegram.org/bots/api#getfile"""

from __future__ import annotations

import msgspec

from answerback.errors import Rejected, Unavailable
from answerback.messages import Attachment
from answerback.platforms import Exchange, Request
from answerback.platforms.answer import harmless
from answerback.platforms.decoding import Spare
from answerback.platforms.telegram.attachments import remote_of
from answerback.platforms.telegram.calls import Calls
from answerback.platforms.telegram.refusal import TelegramRefused


class _File(msgspec.Struct):
    file_path: Spare[str] = None


class _Found(msgspec.Struct):
    result: _File


_found = msgspec.json.Decoder(_Found)


def fetch(calls: Calls, attachment: Attachment) -> Exchange[bytes]:
    """Return the content of a file, of up to 20 MB."""
    remote = remote_of(attachment)
    if remote is None:
        raise Rejected(f"where {attachment.name} is cannot be read")
    try:
        found = yield from calls.read(
            remote.bot, "getFile", _found, f"asking for {attachment.name}", file_id=remote.file
        )
    except TelegramRefused as refusal:
        big = "file is too big" in refusal.description
        raise Rejected("it is larger than 20 MB, the most that a bot may read" if big else str(refusal)) from refusal
    path = found.result.file_path or ""
    if not path or ".." in path or "://" in path:
        # A server of one's own in local mode gives a path of its own file system.
        raise Rejected("Telegram does not say where it is")
    url = calls.file_url(remote.bot, path.lstrip("/"))
    response = yield from harmless(Request(method="GET", url=url))
    if response.status >= 500 or response.status == 429:
        raise Unavailable(f"Telegram responded with {response.status} to a download", unknown=False)
    if not 200 <= response.status < 300:
        raise Rejected(f"Telegram does not give it to the bot (status {response.status})")
    return response.body
