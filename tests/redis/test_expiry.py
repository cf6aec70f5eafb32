"""A credential that expires while a stream is open: the stream ends, and who comes back is told why."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable

import aiohttp
import jwt
import pytest

from answerback.store.access import keys
from answerback.store.access.api_keys import ApiKeys
from answerback.store.access.session_tokens import SessionTokens
from answerback.store.access.user_tokens import UserTokens
from answerback.store.chats.chat import NewChat
from answerback.store.chats.chats import Chats
from answerback.store.redis import Database
from answerback.store.threads.threads import Threads
from ingress.api.auth import user_jwt
from tests.redis.api import ingress

pytestmark = pytest.mark.one_server

SECRET = "a shared secret of thirty-two bytes or more"
ISSUED = {"iss": "https://shop.example.com", "aud": "answerback"}
SETTINGS = {"USER_JWT_KEY": SECRET, "USER_JWT_ISSUER": ISSUED["iss"], "USER_JWT_AUDIENCE": ISSUED["aud"]}

Expire = Callable[[], Awaitable[object]]


@pytest.mark.long
async def test_a_stream_ends_when_its_credential_expires(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    chats = Chats(Threads(database))
    await chats.open("default", "th_1", NewChat(user="ada"))
    key, live = await ApiKeys(database).create(scopes=["chat:read"])
    tokens, user_tokens = SessionTokens(database), UserTokens(database)
    of_session, session_shown = await tokens.grant("default", "th_1", key.id, seconds=60)
    of_user, user_shown = await user_tokens.grant("default", "ada", key.id, seconds=60)
    signed = jwt.encode({"sub": "ada", "exp": time.time() + 60, **ISSUED}, SECRET, "HS256")

    async def pass_a_minute() -> None:
        # Of the two clocks, that of Redis ends what it keeps; a JWT ends by our own.
        await database.call("PEXPIRE", keys.session_token(of_session.id), 1)
        await database.call("PEXPIRE", keys.user_token(of_user.id), 1)
        monkeypatch.setattr(user_jwt, "LEEWAY", -60)

    threads, sessions = "/api/v1/chat/threads/th_1/stream", "/api/v1/chat/sessions/th_1/stream"
    async with ingress(database, **SETTINGS) as url, aiohttp.ClientSession() as http, asyncio.timeout(30):

        async def open_stream(path: str, shown: object) -> aiohttp.ClientResponse:
            return await http.get(url + path, headers={"Authorization": f"Bearer {shown}"})

        readers = [(threads, user_shown), (threads, signed), (sessions, session_shown)]
        streams = [await open_stream(*reader) for reader in readers]
        lasting = await open_stream(threads, live)
        for stream in (*streams, lasting):
            assert (stream.status, await stream.content.readline()) == (200, b"retry: 1000\n")
        await pass_a_minute()
        for stream in streams:
            # It ends, and is not cut off.
            assert await stream.content.read() == b"\n"
        for reader, reason in zip(readers, ("expired", "it has expired", "expired"), strict=True):
            refused = await open_stream(*reader)
            problem = json.loads(await refused.read())
            assert (refused.status, refused.headers["WWW-Authenticate"]) == (
                401, 'Bearer realm="answerback", error="invalid_token"',
            )  # fmt: skip
            assert reason in problem["detail"]
        assert not lasting.content.at_eof()
        lasting.close()
