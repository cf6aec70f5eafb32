"""Download the files of messages with our token: https://docs.slack.dev/messaging/working-with-files"""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import msgspec

from answerback.errors import Rejected, Unavailable
from answerback.messages import Attachment
from answerback.platforms import Exchange, Request, Response
from answerback.platforms.answer import harmless, read
from answerback.platforms.attempt import LAST
from answerback.platforms.decoding import Spare
from answerback.platforms.slack.attachments import FileObject, Remote
from answerback.platforms.slack.changes import Call

_MOST_MOVES = 4
_SCOPE = "give the app the scope files:read, and install it again"


class _Info(msgspec.Struct):
    file: Spare[FileObject] = None


_remote = msgspec.json.Decoder(Remote)
_info = msgspec.json.Decoder(_Info)


class Downloads:
    """Downloads files. The token is sent to Slack only."""

    def __init__(self, call: Call, token: str, api: str) -> None:
        self._call, self._token, self._api = call, token, api

    def fetch(self, attachment: Attachment) -> Exchange[bytes]:
        """Return the content of a file. One of another organization has an address only if it is asked for."""
        try:
            remote = _remote.decode(attachment.remote)
        except msgspec.MsgspecError as error:
            raise Rejected(f"where {attachment.name} is cannot be read: {error}") from error
        url = remote.url or (yield from self._address(remote.file))
        if not self._is_slacks(url):
            raise Rejected("it is kept outside of Slack")
        response = yield from self._download(url)
        if response.status in (404, 410):
            raise Rejected("it was deleted")
        if response.status >= 500 or response.status == 429:
            raise Unavailable(f"Slack responded with {response.status} to a download", unknown=False)
        if not 200 <= response.status < 300:
            raise Rejected(f"Slack does not give it to this app (status {response.status}): {_SCOPE}")
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "text/html" and attachment.content_type.partition(";")[0].strip().lower() != "text/html":
            raise Rejected(f"Slack asks this app to sign in: {_SCOPE}")
        return response.body

    def _address(self, file: str) -> Exchange[str]:
        """https://docs.slack.dev/reference/methods/files.info"""
        response = yield from self._call("GET", "files.info", {"file": file}, f"reading about {file}", LAST)
        found = read(response, _info, "Slack", unknown=False).file or FileObject()
        return found.address

    def _download(self, url: str) -> Exchange[Response]:
        for _ in range(_MOST_MOVES):
            headers = {"authorization": f"Bearer {self._token}"} if self._is_slacks(url) else {}
            response = yield from harmless(Request(method="GET", url=url, headers=headers))
            target = response.headers.get("location", "")
            if response.status not in (301, 302, 303, 307, 308) or not target:
                return response
            url = urljoin(url, target)
        raise Rejected("its address leads elsewhere too often")

    def _is_slacks(self, url: str) -> bool:
        """Return whether a URL is Slack's, or of the server that stands in for it."""
        try:
            parts, api = urlsplit(url), urlsplit(self._api)
            host = parts.hostname or ""
            if (parts.scheme, host, parts.port) == (api.scheme, api.hostname, api.port):
                return True
        except ValueError:
            return False
        return parts.scheme == "https" and (host == "slack.com" or host.endswith((".slack.com", ".slack-files.com")))
