"""Files over HTTP: uploaded raw or as a form, checked, read back whole or in part, hidden from strangers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from answerback.files import CHUNK
from answerback.store.access.api_keys import ApiKeys
from answerback.store.access.session_tokens import SessionTokens
from answerback.store.access.user_tokens import UserTokens
from answerback.store.chats.chat import NewChat
from answerback.store.chats.chats import Chats
from answerback.store.redis import Database
from answerback.store.threads.threads import Threads
from tests.redis.api import ingress

pytestmark = pytest.mark.one_server

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
LIMIT = 2 * CHUNK


class Caller:
    """One who calls the API of an ingress without workers, and a thread of theirs."""

    def __init__(self, session: aiohttp.ClientSession, url: str, key: str, thread: str) -> None:
        self.session = session
        self.url = url
        self.key = key
        self.thread = thread

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any, bytes]:
        """Return the status, headers and body of a response."""
        headers = {"Authorization": f"Bearer {self.key}", **options.pop("headers", {})}
        url = f"{self.url}/api/v1{path}"
        async with self.session.request(method, url, headers=headers, **options) as response:
            return response.status, response.headers, await response.read()

    async def upload(self, data: Any, kind: str = "text/plain", **query: str) -> tuple[int, Any]:
        """Upload to the thread. Return the status and the JSON."""
        query = {"thread": self.thread, **query}
        headers = {"Content-Type": kind} if kind else {}
        status, _, body = await self.ask("POST", "/files", data=data, params=query, headers=headers)
        return status, json.loads(body)


def served(database: Database, **settings: str) -> AbstractAsyncContextManager[str]:
    """Serve the API; yields its address."""
    return ingress(database, FILE_MAX_BYTES=str(LIMIT), **settings)


@pytest.fixture
async def caller(database: Database) -> AsyncIterator[Caller]:
    """The product's server, of the workspace acme."""
    chat = await Chats(Threads(database)).open("acme")
    _, key = await ApiKeys(database).create("acme", scopes=["chat:read", "chat:write"])
    async with served(database) as url, aiohttp.ClientSession() as session:
        yield Caller(session, url, str(key), chat.id)


async def test_a_file_is_uploaded_raw_and_read_back(caller: Caller) -> None:
    status, file = await caller.upload(PNG, "image/png", name='../dir/chärt "1".png')
    assert status == 201
    about = {"thread": caller.thread, "name": 'chärt "1".png', "content_type": "image/png", "size": len(PNG)}
    assert {name: file[name] for name in about} == about
    status, headers, body = await caller.ask("GET", f"/files/{file['id']}")
    assert (status, headers["Content-Type"], body) == (200, "image/png", PNG)
    name = quote('chärt "1".png', safe="")
    assert headers["Content-Disposition"] == f"attachment; filename=\"chrt _1_.png\"; filename*=UTF-8''{name}"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    status, _, body = await caller.ask("GET", f"/chat/threads/{caller.thread}/files")
    assert (status, json.loads(body)) == (200, {"files": [file]})
    assert (await caller.ask("GET", f"/chat/threads/{caller.thread}/files/{file['id']}"))[2] == PNG
    status, headers, body = await caller.ask("HEAD", f"/files/{file['id']}")
    assert (status, headers["Content-Length"], body) == (200, str(len(PNG)), b"")
    assert (await caller.ask("DELETE", f"/files/{file['id']}"))[0] == 204
    for method in ("GET", "DELETE"):
        status, _, body = await caller.ask(method, f"/files/{file['id']}")
        assert (status, b"#no-such-file" in body) == (404, True)


async def test_a_file_is_uploaded_with_a_form(caller: Caller) -> None:
    form = aiohttp.FormData()
    form.add_field("file", b"x" * (LIMIT + 1), filename="large.txt", content_type="text/plain")
    assert (await caller.upload(form, ""))[0] == 413
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("file", "grüße".encode(), filename="grüße.txt", content_type="text/plain; charset=utf-8")
    status, file = await caller.upload(form, "")
    assert (status, file["name"], file["content_type"], file["size"]) == (201, "grüße.txt", "text/plain", 7)
    _, headers, body = await caller.ask("GET", f"/files/{file['id']}")
    assert (headers["Content-Type"], body.decode()) == ("text/plain; charset=utf-8", "grüße")


@pytest.mark.parametrize(
    ("asked", "status", "expected", "place"),
    [
        ("bytes=0-9", 206, slice(0, 10), "bytes 0-9/300000"),
        ("bytes=262140-262150", 206, slice(262_140, 262_151), "bytes 262140-262150/300000"),
        ("bytes=299990-", 206, slice(299_990, None), "bytes 299990-299999/300000"),
        ("bytes=-5", 206, slice(-5, None), "bytes 299995-299999/300000"),
        ("bytes=0-999999", 206, slice(None), "bytes 0-299999/300000"),
        ("bytes=300000-", 416, None, "bytes */300000"),
        ("bytes=0-1,5-6", 200, slice(None), None),
        ("lines=1-2", 200, slice(None), None),
    ],
)
async def test_a_part_of_a_file_is_read(
    caller: Caller, asked: str, status: int, expected: slice | None, place: str | None
) -> None:
    data = b"".join(b"%07d\n" % number for number in range(37_500))
    _, file = await caller.upload(data)
    found, headers, body = await caller.ask("GET", f"/files/{file['id']}", headers={"Range": asked})
    assert (found, headers.get("Content-Range")) == (status, place)
    if expected:
        assert body == data[expected]


async def test_what_cannot_be_a_file_is_refused_with_words(caller: Caller) -> None:
    form = aiohttp.FormData()
    form.add_field("image", b"x", filename="x", content_type="text/plain")
    boundary = "multipart/form-data; boundary=b"
    refused: list[tuple[Any, str, int, str]] = [
        (b"x" * (LIMIT + 1), "text/plain", 413, "FILE_MAX_BYTES"),
        (b"MZ", "application/x-msdownload", 415, "accepted: text/*"),
        (b"GIF89a", "image/png", 415, "not of the declared type image/png"),
        (b"\x89P", "image/png", 415, "not of the declared type image/png"),
        (b"ab\xff", "text/plain", 415, "must be UTF-8"),
        (b"ab\xc3", "text/csv", 415, "must be UTF-8"),
        (b"x", "nonsense", 415, "media type"),
        (form, "", 422, "in the field `file`"),
        (b"no form", boundary, 400, "form cannot be read"),
        (b"--b\r\nContent-Disposition: form-data; name=file\r\n\r\nx", boundary, 400, "form cannot be read"),
        (b"x", "multipart/form-data", 400, "form cannot be read"),
    ]
    for data, kind, status, words in refused:
        found, problem = await caller.upload(data, kind)
        assert (found, words in problem.get("detail", "")) == (status, True), (kind, problem)
    status, problem = await caller.upload(b"x", thread="th_none")
    assert (status, problem["detail"]) == (404, "there is no such thread")
    assert (await caller.upload(b"x", thread=""))[0] == 422

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * CHUNK

    assert (await caller.upload(endless()))[0] == 413
    _, _, body = await caller.ask("GET", f"/chat/threads/{caller.thread}/files")
    assert body == b'{"files":[]}'


@pytest.mark.long
async def test_a_slow_upload_is_ended_and_a_steady_one_is_not(database: Database, caller: Caller) -> None:
    async def pieces(pause: float) -> AsyncIterator[bytes]:
        for _ in range(8):
            yield b"x" * 60_000
            await asyncio.sleep(pause)

    async with served(database, READ_TIMEOUT="0.2") as url:
        caller.url = url
        # Steady: it takes longer than READ_TIMEOUT, and sends more than 64 KiB per second.
        assert (await caller.upload(pieces(0.1)))[0] == 201

        async def trickle() -> AsyncIterator[bytes]:
            for _ in range(100):
                yield b"x"
                await asyncio.sleep(0.02)

        assert (await caller.upload(trickle()))[0] == 408


async def test_a_message_names_files_of_its_thread(database: Database, caller: Caller) -> None:
    _, file = await caller.upload(b"notes", name="notes.txt")
    path = f"/chat/threads/{caller.thread}/messages"
    status, _, _ = await caller.ask("POST", path, json={"files": [file["id"]], "wait": False})
    assert status == 202
    _, _, body = await caller.ask("GET", path)
    (message,) = json.loads(body)["messages"]
    assert message["attachments"] == [
        {"name": "notes.txt", "content_type": "text/plain", "size": 5, "file": file["id"], "text": None}
    ]
    other = (await Chats(Threads(database)).open("acme")).id
    for thread, name, expected in ((other, file["id"], 404), (caller.thread, "nonsense", 422)):
        status, _, _ = await caller.ask("POST", f"/chat/threads/{thread}/messages", json={"files": [name]})
        assert status == expected


async def test_files_are_for_their_workspace_and_a_visitors_for_visitors(database: Database, caller: Caller) -> None:
    _, servers = await caller.upload(b"secret")
    key, _ = await ApiKeys(database).create("acme", origins=["https://www.example.com"])
    _, token = await SessionTokens(database).grant("acme", caller.thread, key.id, seconds=60)
    visitor = Caller(caller.session, caller.url, str(token), caller.thread)
    base = f"/chat/sessions/{caller.thread}"
    status, _, body = await visitor.ask(
        "POST", f"{base}/files", data=b"mine", headers={"Content-Type": "text/plain"}, params={"name": "mine.txt"}
    )
    assert status == 201, body
    own = json.loads(body)
    _, _, body = await visitor.ask("GET", f"{base}/files")
    assert json.loads(body) == {"files": [own]}
    assert (await visitor.ask("GET", f"{base}/files/{own['id']}"))[2] == b"mine"
    assert (await visitor.ask("GET", f"{base}/files/{servers['id']}"))[0] == 404
    assert (await visitor.ask("POST", f"{base}/messages", json={"files": [servers["id"]]}))[0] == 404
    for path in (f"/files/{own['id']}", f"/chat/threads/{caller.thread}/files"):
        assert (await visitor.ask("GET", path))[0] == 403
    other = (await Chats(Threads(database)).open("acme")).id
    assert (await visitor.ask("GET", f"/chat/sessions/{other}/files"))[0] == 404
    assert (await caller.ask("GET", f"/files/{own['id']}"))[2] == b"mine"
    _, strange = await ApiKeys(database).create("other", scopes=["admin"])
    stranger = Caller(caller.session, caller.url, str(strange), caller.thread)
    for method, path in (("GET", f"/files/{own['id']}"), ("DELETE", f"/files/{own['id']}")):
        assert (await stranger.ask(method, path))[0] == 404
    assert (await stranger.upload(b"x"))[0] == 404


async def test_a_user_reads_and_deletes_files_of_end_users_in_their_own_threads(
    database: Database, caller: Caller
) -> None:
    own = (await Chats(Threads(database)).open("acme", opening=NewChat(user="ada"))).id
    _, token = await UserTokens(database).grant("acme", "ada", seconds=60)
    user = Caller(caller.session, caller.url, str(token), own)
    _, servers = await caller.upload(b"secret", thread=own)
    status, file = await user.upload(b"mine")
    assert status == 201
    assert (await user.ask("GET", f"/files/{file['id']}"))[2] == b"mine"
    _, _, body = await user.ask("GET", f"/chat/threads/{own}/files")
    assert json.loads(body) == {"files": [file]}
    _, elsewhere = await caller.upload(b"x")
    for method, id in (("GET", servers["id"]), ("DELETE", servers["id"]), ("GET", elsewhere["id"])):
        assert (await user.ask(method, f"/files/{id}"))[0] == 404
    assert (await user.upload(b"x", thread=caller.thread))[0] == 404
    assert (await user.ask("GET", f"/chat/threads/{caller.thread}/files"))[0] == 404
    assert (await user.ask("POST", f"/chat/threads/{own}/messages", json={"files": [servers["id"]]}))[0] == 404
    assert (await user.ask("DELETE", f"/files/{file['id']}"))[0] == 204
