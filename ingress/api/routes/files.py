"""`/files`: upload a file to a thread, read it back, list and delete the files of a thread."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from aiohttp import web

from answerback.errors import NoSuchFile, NoSuchThread
from answerback.files import StoredFile
from answerback.settings import Settings
from answerback.store.chats.chat import Chat
from answerback.store.threads.files import FileLimits

from ...problems import Problem
from ..auth.audience import trusted
from ..auth.ownership import check_owner
from ..context import Principal, RequestContext
from ..conversations.conversation import Conversation
from ..files.downloads import send_file
from ..files.media_types import check_type, checked
from ..files.uploads import FORM, Uploads
from ..route import BASE, Route, collect, route
from ..schemas.files import FileList, FileView, ThreadUploadQuery, UploadQuery

TAG = "Files"
PATH = "/files"
ABOUT = """The body is the file, with its media type as Content-Type, or a form whose only field is `file`. Name the \
id in the `files` of a message. A file that no message names is deleted after a day, any other with its thread. \
Users and visitors see only the files of users and visitors."""
BODIES: dict[str, Any] = {
    "text/plain": {"type": "string"},
    FORM: {
        "type": "object",
        "properties": {"file": {"type": "string", "format": "binary"}},
        "required": ["file"],
        "additionalProperties": False,
    },
}
uploading = partial(
    route,
    "POST",
    PATH,
    scope="chat:write",
    summary="Upload a file",
    description=ABOUT,
    uploads=BODIES,
    raw=True,
    returns=FileView,
    status=201,
    refusals={
        400: "malformed request",
        404: "there is no such thread",
        408: "the file did not arrive in time",
        409: "the thread has ended",
        413: "the file, or all files of the thread or workspace together, are too large",
        415: "files of this type are not accepted, or the content is of another type",
        422: "a field failed validation; `errors` lists each",
    },
)
downloading = partial(
    route,
    "GET",
    scope="chat:read",
    summary="Download a file",
    streams="*/*",
    refusals={404: "there is no such file", 416: "the file is shorter than the range"},
)


class FileRoutes:
    """The routes of files: by their ids, and below their threads and sessions."""

    def __init__(self, settings: Settings, conversation: Conversation) -> None:
        self._conversation = conversation
        self._below = _BelowThread(settings, conversation)

    def routes(self) -> list[Route]:
        """Return the routes of files."""
        names = {"file": "the file's id"}
        return [
            *collect(self, tag=TAG, parameters={"id": "the file's id"}),
            *collect(
                self._below, tag=TAG, base=f"{BASE}/chat/threads/{{id}}", parameters={"id": "the thread's id"} | names
            ),
            *collect(
                self._below,
                tag=TAG,
                base=f"{BASE}/chat/sessions/{{id}}",
                parameters={"id": "the session's id"} | names,
                session="id",
            ),
        ]

    @uploading(user="own", query=ThreadUploadQuery)
    async def upload(self, call: RequestContext) -> web.Response:
        """Store a file in the thread that the query names."""
        return await self._below.store(call, call.query.thread)

    @downloading(f"{PATH}/{{id}}", user="own")
    async def download(self, call: RequestContext) -> web.StreamResponse:
        """Send a file."""
        return await self._below.send(call, _thread_of(call.path["id"]), call.path["id"])

    @route(
        "DELETE", f"{PATH}/{{id}}", scope="chat:write", user="own", summary="Delete a file", status=204,
        description="Messages that name it keep its name. An agent that reads it learns that it was deleted.",
    )  # fmt: skip
    async def delete(self, call: RequestContext) -> web.Response:
        """Delete a file."""
        id = call.path["id"]
        chat = await self._below.chat(call.caller, _thread_of(id))
        if not may_see(call.caller, await self._conversation.files.get(chat.thread, id)):
            raise NoSuchFile
        if not await self._conversation.files.delete(chat.thread, id):
            raise NoSuchFile
        return call.answer(None)


class _BelowThread:
    """The routes of a thread's files, which a session has, too."""

    def __init__(self, settings: Settings, conversation: Conversation) -> None:
        self._chats = conversation.chats
        self._files = conversation.files
        self._uploads = Uploads(settings.file_bytes, settings.read_timeout)
        self._types = settings.file_types
        self._limits = FileLimits(thread=settings.file_thread_bytes, workspace=settings.file_workspace_bytes)

    @uploading(user="thread", query=UploadQuery)
    async def upload(self, call: RequestContext) -> web.Response:
        """Store a file in the thread."""
        return await self.store(call, call.path["id"])

    @route("GET", PATH, scope="chat:read", user="thread", summary="List the files of a thread", returns=FileList)
    async def list(self, call: RequestContext) -> web.Response:
        """Return the files that the caller may see."""
        chat = await self.chat(call.caller, call.path["id"])
        files = [file for file in await self._files.all(chat.thread) if may_see(call.caller, file)]
        return call.answer(FileList(files=[FileView.of(chat.id, file) for file in files]))

    @downloading(f"{PATH}/{{file}}", user="thread")
    async def download(self, call: RequestContext) -> web.StreamResponse:
        """Send a file."""
        return await self.send(call, call.path["id"], call.path["file"])

    async def chat(self, caller: Principal, id: str) -> Chat:
        """Return the caller's chat. Raises `NoSuchThread`."""
        await check_owner(self._chats, caller, id)
        chat = await self._chats.get(caller.workspace, id)
        if chat is None:
            raise NoSuchThread
        return chat

    async def store(self, call: RequestContext, id: str) -> web.Response:
        """Store the file that a request carries."""
        chat = await self.chat(call.caller, id)
        if chat.status == "ended":
            raise Problem(409, "the thread has ended", code="thread-ended")
        upload = await self._uploads.open(call.request, call.query.name)
        content_type = check_type(upload.content_type, self._types)
        file = await self._files.store(
            chat.thread,
            checked(upload.content, content_type),
            name=upload.name,
            content_type=content_type,
            limits=self._limits,
            visitor=not trusted(call.caller),
        )
        return call.answer(FileView.of(chat.id, file), 201, {"Location": f"{BASE}{PATH}/{file.id}"})

    async def send(self, call: RequestContext, id: str, file_id: str) -> web.StreamResponse:
        """Send a file of a thread. Raises `NoSuchThread`, `NoSuchFile`."""
        chat = await self.chat(call.caller, id)
        file = await self._files.get(chat.thread, file_id)
        if not may_see(call.caller, file):
            raise NoSuchFile

        def read(start: int, end: int) -> AsyncIterator[bytes]:
            return self._files.read(chat.thread, file, start, end)

        return await send_file(call.request, file, read)


def may_see(caller: Principal, file: StoredFile) -> bool:
    return file.visitor or trusted(caller)


def _thread_of(file: str) -> str:
    return file.partition(".")[0]
