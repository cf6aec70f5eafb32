"""The stand-ins in this process, and clients of what they stand in for."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

from answerback.testing.standins.options import Options
from answerback.testing.standins.server import running
from tests.standins import schemas
from tests.standins.client import StandIns

GITHUB = {"Authorization": "Bearer ghp_standin"}
SLACK = {"Authorization": "Bearer xoxb-standin"}
MODEL = {"Authorization": "Bearer sk-standin"}
COMMENTS = "/github/repos/acme/widgets/issues/7/comments"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
TOKENS = "/github/app/installations/55/access_tokens"
LOST = (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError)


class Bench:
    """Stand-ins in this process, and a client of the platforms they stand in for."""

    def __init__(self, url: str, options: Options, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.session = session
        self.standins = StandIns(url, options, session)

    async def ask(self, method: str, path: str, **how: Any) -> tuple[int, Any, dict[str, str]]:
        """Status, JSON and headers (in lower case) of an answer."""
        url = path if path.startswith("http") else self.url + path
        async with self.session.request(method, url, **how) as response:
            body = await response.read()
            if schemas.installed() and url.startswith(f"{self.url}/github/"):
                self._judge(method, path, response.status, body, how)
            found = await response.json() if body else None
            return response.status, found, {name.lower(): v for name, v in response.headers.items()}

    def _judge(self, method: str, path: str, status: int, body: bytes, how: dict[str, Any]) -> None:
        """Compare an answer of GitHub's stand-in with GitHub's own schemas."""
        path = path.removeprefix(self.url).partition("?")[0]
        problems: list[str] = []
        if path == "/github/graphql":
            asked, answer = how["json"], json.loads(body)
            if not answer.get("errors"):
                problems += schemas.query_problems(asked["query"])
                problems += schemas.data_problems(asked["query"], asked["variables"], answer["data"])
        elif status < 300:
            problems += schemas.answer_problems(method, path, status, body)
        if problems:
            raise AssertionError(f"{method} {path} {status}: {problems}")

    async def comment(self, body: str, path: str = COMMENTS, headers: dict[str, str] | None = None) -> Any:
        status, found, _ = await self.ask("POST", path, json={"body": body}, headers=headers or GITHUB)
        assert status == 201, found
        return found

    async def slack(self, method: str, **arguments: Any) -> Any:
        return (await self.ask("POST", f"/slack/{method}", json=arguments, headers=SLACK))[1]

    async def graphql(self, query: str, **variables: Any) -> Any:
        content = {"query": query, "variables": variables}
        return (await self.ask("POST", "/github/graphql", json=content, headers=GITHUB))[1]

    async def bodies(self, platform: str | None = None) -> list[str]:
        return [message.body for message in await self.standins.messages(platform)]


@asynccontextmanager
async def serve(options: Options) -> AsyncIterator[Bench]:
    async with running(options) as url, aiohttp.ClientSession() as session:
        yield Bench(url, options, session)


def app_token(key: rsa.RSAPrivateKey | None = None, algorithm: str = "RS256", **claims: Any) -> dict[str, str]:
    """What a GitHub App signs in with; any key is good where the stand-in was given none."""
    now = int(time.time())
    told = {"iat": now - 60, "exp": now + 480, "iss": "1234"} | claims
    signed = jwt.encode(told, key or KEY if algorithm == "RS256" else "a secret long enough for an HMAC", algorithm)
    return {"Authorization": f"Bearer {signed}"}


class Receiver:
    """Where webhooks arrive."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 202

    async def take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.got.append((request.path, headers, await request.read()))
        return web.Response(status=self.status)


async def think(bench: Bench, *messages: dict[str, Any], **more: Any) -> Any:
    tools = [{"type": "function", "function": {"name": "add", "parameters": {}}}]
    content = {"model": "m", "messages": list(messages), "tools": tools, **more}
    status, found, _ = await bench.ask("POST", "/model/v1/chat/completions", json=content, headers=MODEL)
    assert status == 200, found
    return found
