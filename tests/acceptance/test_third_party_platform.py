"""A platform that is one package of another distribution, named by an entry point: every process knows it by that."""

from __future__ import annotations

import hmac
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import msgspec
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

from answerback.platforms.registry import PLATFORMS
from answerback.testing.standins.signatures import Delivery
from tests.acceptance.caller import calling
from tests.acceptance.system import System, until
from tests.acceptance.terminal import command
from tests.fixtures.distribution import install

SECRET = "a secret of toy's webhook"


class Town:
    """Toy's API: it keeps what is posted and which deliveries are requested again."""

    def __init__(self) -> None:
        self.posted: list[dict[str, Any]] = []
        self.requested: list[str] = []
        self.tokens: set[str] = set()
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.asked = 0

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[tuple[Town, str]]:
        """The API, and its URL."""
        town, app = cls(), web.Application()
        app.add_routes(
            [
                web.get("/me", town.me),
                web.post("/messages", town.message),
                web.get("/keys", town.keys),
                web.get("/hooks/toy-main/deliveries", town.deliveries),
                web.post("/hooks/toy-main/deliveries/{attempt}", town.request),
            ]
        )
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield town, f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    async def me(self, request: web.Request) -> web.Response:
        self.tokens.add(request.headers["Authorization"])
        return web.Response(text="answerbot")

    async def keys(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.asked == 1:
            raise web.HTTPServiceUnavailable
        jwk = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return web.json_response({"keys": [{**jwk, "kid": "k1"}]})

    def token(self, audience: str, kid: str = "k1") -> str:
        """What Toy sends instead of a signature."""
        claims = {"aud": audience, "exp": int(time.time()) + 60}
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": kid})

    async def message(self, request: web.Request) -> web.Response:
        self.posted.append(await request.json())
        return web.Response(text=f"m{len(self.posted)}")

    async def deliveries(self, request: web.Request) -> web.Response:
        attempt = {"id": 41, "guid": "lost", "at": int(time.time() * 1000) - 60_000, "event": "message"}
        return web.json_response([{**attempt, "state": "failed", "status": "503"}])

    async def request(self, request: web.Request) -> web.Response:
        self.requested.append(request.match_info["attempt"])
        return web.Response()


def _message(number: int, text: str, secret: str = SECRET) -> Delivery:
    body = msgspec.json.encode({"id": number, "room": "kitchen", "from": "ada", "text": text})
    signature = hmac.digest(secret.encode(), body, "sha256").hex()
    return Delivery({"Content-Type": "application/json", "Toy-Signature": signature}, body, f"toy:{number}")


async def _prints(system: System, command: str, code: int = 0) -> str:
    process = await system.start(f"tools {command}", PORT=str(system.port))
    assert await process.wait() == code, process.words()
    return process.words()


async def test_a_platform_is_one_package_and_an_entry_point(tmp_path: Path) -> None:
    site = install(tmp_path / "site", "acme-toy", town="tests.toy_platform")
    async with Town.open() as (town, api):
        settings = {
            "PYTHONPATH": str(site),
            "TOY_SECRET": SECRET,
            "TOY_TOKEN": "toy-token",
            "TOY_API_URL": api,
            "TOY_REDELIVER": "toy-main",
        }
        async with System.running(tmp_path, settings) as system:
            await system.ingress()
            worker = await system.worker("tests.acceptance.agents:addressed")

            # The webhook route, and a reply that the worker posts.
            assert (await system.post("toy", _message(1, "hello", "another secret")))[0] == 401
            assert (await system.deliver("toy", _message(1, "hello")))["thread"] == "toy:kitchen"
            assert (await system.deliver("toy", _message(1, "hello")))["status"] == "duplicate"
            await system.quiet(1)
            assert [(each["room"], each["text"]) for each in town.posted] == [("kitchen", "echo: hello")]
            assert town.tokens == {"Bearer toy-token"}

            # `send` signs a payload as the platform would.
            payload = tmp_path / "message.json"
            payload.write_bytes(_message(2, "again").body)
            assert "echo: again" in await _prints(system, f"send {payload} --to toy")
            refusal = await _prints(system, f"send {payload} --event message --to toy", 2)
            assert "--event cannot be used with --to toy: every payload is a message" in refusal
            assert f"{', '.join(PLATFORMS)}, toy" in await _prints(system, f"send {payload} --to nowhere", 2)

            # `check` names its settings and who replies there.
            findings = msgspec.json.decode((await _prints(system, "check --json")).encode())
            about = {each["found"] for each in findings if each["about"] == "toy"}
            assert about == {"webhooks are verified with TOY_SECRET", "replies are posted as @answerbot"}
            wrong = await system.start("tools check", TOY_API_URL="toy.example", PORT="none")
            assert await wrong.wait() == 1
            assert "TOY_API_URL: must start with http:// or https://" in wrong.words()
            assert "PORT" in wrong.words()

            # Failed deliveries are requested again, by workers and by hand.
            async def logged() -> list[dict[str, Any]]:
                return worker.lines("redelivery requested")

            [line] = await until(logged, what="a worker requesting the failed delivery")
            assert (line["platform"], line["hook"], line["event_name"]) == ("toy", "toy-main", "message")
            assert "toy-main: 1 attempts" in await _prints(system, "redeliver toy --dry-run --since 1h")
            assert town.requested == ["41"]

            # The dashboard lists it.
            async with calling(system, "admin") as caller:
                _, session = await caller.get("/api/v1/admin/session")
                assert {"name": "toy", "title": "Toy Town", "markdown": True} in session["platforms"]
                _, page = await caller.get("/api/v1/admin/threads?platform=toy")
                assert [thread["id"] for thread in page["threads"]] == ["toy:kitchen"]


def _signed(body: bytes) -> dict[str, str]:
    return {"Content-Type": "application/json", "Toy-Signature": hmac.digest(SECRET.encode(), body, "sha256").hex()}


async def test_a_platform_may_be_more_than_messages(tmp_path: Path) -> None:
    site = install(tmp_path / "site", "acme-toy", town="tests.toy_platform")
    async with Town.open() as (town, api), aiohttp.ClientSession() as http:
        settings = {
            "PYTHONPATH": str(site),
            "TOY_SECRET": SECRET,
            "TOY_TOKEN": "toy-token",
            "TOY_API_URL": api,
            "TOY_KEYS_URL": f"{api}/keys",
            "PUBLIC_URL": "https://bots.example/",
        }
        async with System.running(tmp_path, settings) as system:
            await system.ingress()
            url = f"http://127.0.0.1:{system.port}/webhooks/toy"

            async def post(headers: dict[str, str], **fields: Any) -> tuple[int, str]:
                body = msgspec.json.encode({"room": "kitchen", "from": "ada", **fields})
                headers = headers or _signed(body)
                async with http.post(f"{url}?a=b%20c", data=body, headers=headers) as response:
                    return response.status, await response.text()

            # A handshake with GET, signed over the query; other methods are not allowed.
            query = "challenge=hello"
            async with http.get(f"{url}?{query}", headers=_signed(f"GET {query} ".encode())) as response:
                assert (response.status, await response.text()) == (200, "hello")
                assert response.content_type == "text/plain"
            async with http.get(f"{url}?challenge=other", headers=_signed(f"GET {query} ".encode())) as response:
                assert response.status == 401
            async with http.put(url, data=b"{}") as response:
                assert response.status == 405

            # Keys that are fetched: without one, the platform is to try again; a stranger's key id is not looked up.
            ours = "https://bots.example/webhooks/toy?a=b%20c"
            token = {"Toy-Token": town.token(ours), "Content-Type": "application/json"}
            assert (await post(token, id=1, text="hello"))[0] == 503
            assert town.asked == 1

            async def accepted() -> bool:
                return (await post(token, id=1, text="hello"))[0] == 202

            await until(accepted, within=30, what="another fetch of the keys")
            assert (await post(token, id=2, text="hello again"))[0] == 202
            elsewhere = {**token, "Toy-Token": town.token("https://elsewhere.example/webhooks/toy")}
            assert (await post(elsewhere, id=3, text="hello"))[0] == 401
            assert (await post({**token, "Toy-Token": "nonsense"}, id=3, text="hello"))[0] == 401
            asked = town.asked
            assert asked == 2
            for _ in range(2):
                assert (await post({**token, "Toy-Token": town.token(ours, "k2")}, id=3, text="x"))[0] == 401
            assert town.asked <= asked + 1

            # A button is answered in Toy's words, and the room may have another name by now.
            assert await post({}, id=4, pressed="approve") == (200, "pressed")
            assert '"accepted"' in (await post({}, id=5, moved="pantry"))[1]
            assert '"toy:kitchen"' in (await post({}, id=6, room="pantry", text="still here"))[1]
            assert '"accepted"' in (await post({}, id=7, room="pantry", stop=True))[1]

            await system.worker("tests.acceptance.agents:addressed")
            await system.quiet(4)
            # The first event was stopped before a worker took it.
            assert [(each["room"], each["text"]) for each in town.posted] == [
                ("kitchen", "echo: hello again"),
                ("kitchen", "echo: pressed approve"),
                ("pantry", "echo: still here"),
            ]


@pytest.mark.parametrize("name", ["check", "worker"])
def test_a_platform_that_cannot_be_imported_is_named(tmp_path: Path, name: str) -> None:
    site = install(tmp_path / "site", "acme-toy", town="acme_missing")
    done = command(name, settings={"PYTHONPATH": str(site), "REDIS_URL": "redis://127.0.0.1:1"})
    assert done.code == 1
    assert "acme-toy (town = acme_missing) cannot be imported: ModuleNotFoundError" in done.out + done.err
