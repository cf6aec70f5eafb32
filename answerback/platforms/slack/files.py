"""Files in three requests: ask for a URL, upload the content, share the files in the thread. The last takes effect.

https://docs.slack.dev/messaging/working-with-files#uploading_files
"""

from __future__ import annotations

import msgspec

from answerback.errors import Rejected, Unavailable
from answerback.outgoing import File
from answerback.platforms import Exchange, Prepared, Request, Response, Sent
from answerback.platforms.answer import harmless, read
from answerback.platforms.attempt import Attempt
from answerback.platforms.decoding import Spare
from answerback.platforms.slack.changes import Call
from answerback.platforms.slack.place import SlackPlace
from answerback.platforms.slack.refusal import ApiResponse
from answerback.replies import Reply

MOST = 10
"""The most files of one message. Slack documents no limit for apps; people can upload ten at once."""

UPLOAD, SHARE = "files.getUploadURLExternal", "files.completeUploadExternal"
"""The methods whose rate limits apply before and after the upload."""

_GONE = "file_not_found"


class _Upload(msgspec.Struct):
    upload_url: str
    file_id: str


class _Share(msgspec.Struct):
    ts: Spare[str] = None


class _Shares(msgspec.Struct):
    public: Spare[dict[str, list[_Share]]] = None
    private: Spare[dict[str, list[_Share]]] = None


class _File(msgspec.Struct):
    id: str = ""
    permalink: Spare[str] = None
    shares: Spare[_Shares] = None
    channels: Spare[list[str]] = None
    groups: Spare[list[str]] = None
    ims: Spare[list[str]] = None

    def shared(self, channel: str) -> bool:
        """Return whether it is shown in a channel."""
        shares = self.shares or _Shares()
        places = {*(shares.public or {}), *(shares.private or {})}
        return channel in places.union(self.channels or (), self.groups or (), self.ims or ())


class _Info(ApiResponse):
    file: Spare[_File] = None


class _Completed(ApiResponse):
    files: Spare[list[_File]] = None


_upload = msgspec.json.Decoder(_Upload)
_info = msgspec.json.Decoder(_Info)
_completed = msgspec.json.Decoder(_Completed)


def upload(call: Call, reply: Reply, files: tuple[File, ...]) -> Exchange[Prepared]:
    """Upload the files, which are not visible yet.

    https://docs.slack.dev/reference/methods/files.getUploadURLExternal
    """
    place, attempt, ids = SlackPlace.of(reply), Attempt.of(reply), []
    for file in files:
        doing, scope = f"uploading {file.name}", place.scope(UPLOAD)
        asked = {"filename": file.name, "length": str(len(file.data))}
        response = yield from call("GET", UPLOAD, asked, doing, attempt, scope=scope)
        found = read(response, _upload, "Slack", unknown=False)
        headers = {"content-type": "application/octet-stream"}
        request = Request(method="POST", url=found.upload_url, headers=headers, body=file.data)
        _ensure_uploaded((yield from harmless(request)), file)
        ids.append(found.file_id)
    return Prepared(",".join(ids))


def share(call: Call, reply: Reply, files: tuple[File, ...]) -> Exchange[Sent | Prepared]:
    """Share uploaded files in the thread. If Slack no longer has them, upload them again.

    https://docs.slack.dev/reference/methods/files.completeUploadExternal
    """
    place, attempt, ids = SlackPlace.of(reply), Attempt.of(reply), reply.prepared.split(",")
    named = [{"id": id, "title": file.name} for id, file in zip(ids, files, strict=False)]
    content: dict[str, object] = {"files": named, "channel_id": place.channel}
    if place.thread_ts:
        content["thread_ts"] = place.thread_ts
    doing, scope = f"posting files to {place.channel}", place.scope(SHARE)
    response = yield from call("POST", SHARE, content, doing, attempt, scope=scope, effect=True, accepted=(_GONE,))
    answer = read(response, _completed, "Slack", unknown=True)
    if answer.error == _GONE:
        return (yield from upload(call, reply, files))
    url = answer.files[0].permalink if answer.files else ""
    return Sent(reply.prepared, url or "")


def find(call: Call, reply: Reply) -> Exchange[Sent | None]:
    """Return the message if its files are shown in the channel. Files have no metadata, but ids that only we know.

    https://docs.slack.dev/reference/methods/files.info
    """
    place, attempt = SlackPlace.of(reply), Attempt.of(reply)
    asked = {"file": reply.prepared.partition(",")[0]}
    doing, scope = f"looking for files in {place.channel}", place.scope("files.info")
    response = yield from call("GET", "files.info", asked, doing, attempt, scope=scope, accepted=(_GONE,))
    file = read(response, _info, "Slack", unknown=False).file
    if file is None or not file.shared(place.channel):
        return None
    return Sent(reply.prepared, file.permalink or "")


def _ensure_uploaded(response: Response, file: File) -> None:
    status = response.status
    if 200 <= status < 300:
        return
    words = f"Slack's upload URL responded with status {status} to {file.name}"
    if status == 413:
        raise Rejected(f"{words}: the file is too large")
    raise Unavailable(words, unknown=False)
