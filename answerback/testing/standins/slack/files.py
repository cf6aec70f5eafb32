"""Files: uploads in three requests, and downloads with the token.

https://docs.slack.dev/messaging/working-with-files
"""

from __future__ import annotations

import base64
import mimetypes
from dataclasses import dataclass, field

from aiohttp import web

from answerback.testing.standins.slack.calls import Call, Method, given_token, refusal
from answerback.testing.standins.slack.conversations import Message
from answerback.testing.standins.slack.messages import Messages
from answerback.testing.standins.slack.people import People
from answerback.testing.standins.slack.space import KINDS, Space
from answerback.testing.standins.standin import Operation
from answerback.testing.standins.values import Json

_LOGIN = """<!DOCTYPE html><html><head><title>Sign in | Slack</title></head><body>Sign in to Stand-in</body></html>"""


@dataclass
class Stored:
    """A file. `length`: as announced; `shared`: whether its upload was completed; `messages`: where it is shown."""

    id: str
    name: str
    content_type: str
    user: str
    content: bytes | None = None
    length: int = 0
    title: str = ""
    alt_text: str = ""
    shared: bool = False
    messages: list[Message] = field(default_factory=list)


class Files:
    """The methods `files.*`, the URLs of uploads and downloads, and what people upload."""

    def __init__(self, space: Space, messages: Messages, people: People) -> None:
        self._space, self._messages, self._people = space, messages, people
        people.add({"upload": self._share})
        self.reset()

    def reset(self) -> None:
        """Delete all files."""
        self._files: dict[str, Stored] = {}

    def methods(self) -> list[Method]:
        """Return the methods."""
        return [
            Method("files.info", "files:read", self._info),
            Method("files.getUploadURLExternal", "files:write", self._upload_url),
            Method("files.completeUploadExternal", "files:write", self._complete),
            Method("files.delete", "files:write", self._delete),
        ]

    def operations(self) -> list[Operation]:
        """Return the URLs that are not methods."""
        return [
            Operation("POST", "/upload/v1/{id}", "files.upload", self._upload),
            Operation("GET", "/files-pri/{id}/{name}", "files.download", self._download),
            Operation("GET", "/files-pri/{id}/download/{name}", "files.download", self._download),
            Operation("GET", "/signin", "signin", self._sign_in),
        ]

    def state(self) -> list[Json]:
        """Return the files, with their contents in base64."""
        found = [file for file in self._files.values() if file.shared]
        return [self._json(file) | {"content": base64.b64encode(file.content or b"").decode()} for file in found]

    async def _info(self, call: Call) -> Json:
        """https://docs.slack.dev/reference/methods/files.info"""
        file = self._files.get(call.needed("file", "file_not_found"))
        if file is None or not file.shared:
            raise refusal("file_not_found")
        return {"file": self._json(file) | _shares(file), "comments": [], "response_metadata": {"next_cursor": ""}}

    async def _upload_url(self, call: Call) -> Json:
        """https://docs.slack.dev/reference/methods/files.getUploadURLExternal"""
        name = call.needed("filename")
        try:
            length = int(call.needed("length"))
        except ValueError:
            raise refusal("invalid_arguments") from None
        if length <= 0:
            raise refusal("invalid_arguments")
        file = self._made(name, call.installation.user, length=length, alt_text=call.word("alt_txt"))
        return {"upload_url": f"{self._space.url}/upload/v1/{file.id}", "file_id": file.id}

    async def _upload(self, request: web.Request) -> web.Response:
        """Take the bytes, raw or as a multipart form. No token: the URL is secret."""
        file = self._files.get(request.match_info["id"])
        if file is None or file.shared:
            return web.Response(status=404, text="Not Found")
        content = await request.read()
        if request.content_type == "multipart/form-data":
            form = await request.post()
            parts = [part for part in form.values() if isinstance(part, web.FileField)]
            content = parts[0].file.read() if parts else b""
        if len(content) != file.length:
            return web.Response(status=400, text=f"expected {file.length} bytes")
        file.content = content
        return web.Response(text=f"OK - {len(content)}")

    async def _complete(self, call: Call) -> Json:
        """https://docs.slack.dev/reference/methods/files.completeUploadExternal"""
        named = call.objects("files", "invalid_arguments") or []
        found = [(self._files.get(str(one.get("id"))), one) for one in named]
        if not found or any(file is None or file.content is None for file, _ in found):
            raise refusal("file_not_found")
        files, shown = [], []
        for file, one in found:
            assert file is not None
            shown.append(file)
            file.title, file.shared = str(one.get("title") or file.name), True
            files.append(self._json(file))
        channels = [each for each in (call.word("channel_id") or call.word("channels")).split(",") if each]
        for channel in channels:
            ts, ours = self._space.conversations.timestamp(), call.installation
            text, thread = call.word("initial_comment"), call.word("thread_ts") or None
            message = Message(channel, ts, text, ours.user, ours.bot, ours.home, thread, files=files)
            self._messages.keep(message, "files.completeUploadExternal")
            for file in shown:
                file.messages.append(message)
        return {"files": files}

    async def _delete(self, call: Call) -> Json:
        """https://docs.slack.dev/reference/methods/files.delete: also from the messages that show it."""
        file = self._files.get(call.needed("file", "file_not_found"))
        if file is None or not file.shared:
            raise refusal("file_not_found")
        if file.user != call.installation.user:
            raise refusal("cant_delete_file")
        del self._files[file.id]
        for message in file.messages:
            message.files = [one for one in message.files if one["id"] != file.id]
            if not message.files and not message.text:
                self._messages.remove(message)
        return {}

    async def _download(self, request: web.Request) -> web.Response:
        """Return the content. Without a token that may read files, redirect to a page on which people sign in."""
        file = self._files.get(request.match_info["id"])
        found = self._space.installations.by_token(given_token(request, {}))
        if isinstance(found, str) or "files:read" not in found.scopes:
            return web.Response(status=302, headers={"Location": f"{self._space.url}/signin?redir={request.path}"})
        if file is None or file.content is None:
            return web.Response(status=404, text="<html>404</html>", content_type="text/html")
        return web.Response(body=file.content, content_type=file.content_type)

    async def _sign_in(self, request: web.Request) -> web.Response:
        return web.Response(text=_LOGIN, content_type="text/html")

    def _share(self, fields: Json) -> Json:
        """Upload a file as a person: name, content (base64), content_type; text, channel, thread_ts, user.

        `hidden`: the message shows only the file's id, as in a channel that is shared with another organization.
        """
        content = base64.b64decode(fields.get("content", ""))
        file = self._made(fields["name"], fields.get("user", "U2147483697"), fields.get("content_type", ""))
        file.content, file.length, file.shared, file.title = content, len(content), True, fields["name"]
        shown = self._json(file)
        if fields.get("hidden"):
            shown = {"id": file.id, "mode": "file_access", "file_access": "check_file_info"}
        return self._people.act("say", {**fields, "files": [shown], "subtype": "file_share"}) | {"file": shown}

    def _made(self, name: str, user: str, content_type: str = "", *, length: int = 0, alt_text: str = "") -> Stored:
        id = f"F0{len(self._files) + 1:08d}"
        kind = content_type or mimetypes.guess_type(name)[0] or "application/octet-stream"
        file = self._files[id] = Stored(id, name, kind, user, length=length, alt_text=alt_text)
        return file

    def _json(self, file: Stored) -> Json:
        """https://docs.slack.dev/reference/objects/file-object"""
        url, team = f"{self._space.url}/files-pri/{file.id}", self._space.installations.first.home
        return {
            "id": file.id,
            "created": 1531763342,
            "timestamp": 1531763342,
            "name": file.name,
            "title": file.title or file.name,
            "mimetype": file.content_type,
            "filetype": file.name.rpartition(".")[2],
            "user": file.user,
            "user_team": team,
            "editable": False,
            "size": len(file.content or b""),
            "mode": "hosted",
            "is_external": False,
            "is_public": True,
            "url_private": f"{url}/{file.name}",
            "url_private_download": f"{url}/download/{file.name}",
            "permalink": f"https://standin.slack.com/files/{file.user}/{file.id}/{file.name}",
            "file_access": "visible",
        } | ({"alt_txt": file.alt_text} if file.alt_text else {})


def _shares(file: Stored) -> Json:
    """Return where a file is shown, as `files.info` tells it."""
    shares: dict[str, dict[str, list[Json]]] = {"public": {}, "private": {}}
    for message in file.messages:
        kind = "public" if KINDS.get(message.channel[:1], "channel") == "channel" else "private"
        share = {"ts": message.ts} | ({"thread_ts": message.thread_ts} if message.thread_ts else {})
        shares[kind].setdefault(message.channel, []).append(share)
    return {"shares": {kind: places for kind, places in shares.items() if places}}
