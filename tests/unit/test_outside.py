"""Requests to addresses that others chose: none reaches a private one, however it is written or resolved."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from answerback.errors import ForbiddenAddress, Unavailable
from answerback.http.untrusted import UntrustedHttp, is_public


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2002:a00:1::1",
    ],
)  # fmt: skip
def test_private_addresses_are_known_in_every_form(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


class Server:
    """A server on loopback that counts what reaches it."""

    def __init__(self) -> None:
        self.seen: list[web.Request] = []
        self.port = 0

    async def answer(self, request: web.Request) -> web.Response:
        self.seen.append(request)
        if target := request.query.get("to"):
            raise web.HTTPFound(target)
        if request.path == "/loop":
            raise web.HTTPFound("/loop")
        if request.path == "/big":
            return web.Response(body=b"x" * 5000)
        return web.json_response({"path": request.path, "headers": dict(request.headers)})


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    found = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", found.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    yield found
    await runner.cleanup()


class Names(AbstractResolver):
    """A resolver that gives one address after another for the same name, as one who rebinds it."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = list(addresses)
        self.asked = 0

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[ResolveResult]:
        address = self._addresses[min(self.asked, len(self._addresses) - 1)]
        self.asked += 1
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=socket.AI_NUMERICHOST
            )
        ]

    async def close(self) -> None:
        """It holds nothing."""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0x7f.1", "0.0.0.0"])
async def test_nothing_reaches_this_machine(server: Server, host: str) -> None:
    with pytest.raises(ForbiddenAddress, match="ALLOW_PRIVATE_URLS"):
        await UntrustedHttp().request("POST", f"http://{host}:{server.port}/secret", headers={}, body=b"x")
    assert server.seen == []


async def test_a_name_that_resolves_to_a_private_address_is_refused_when_it_is_connected_to(server: Server) -> None:
    names = Names("127.0.0.1")
    with pytest.raises(ForbiddenAddress):
        await UntrustedHttp(resolver=names).request("GET", f"http://rebound.test:{server.port}/", headers={})
    assert names.asked == 1
    assert server.seen == []


async def test_one_that_is_allowed_gets_there(server: Server) -> None:
    outside = UntrustedHttp(private=True)
    answer = await outside.request("GET", f"http://127.0.0.1:{server.port}/a?b=c", headers={"X-Key": "k"})
    assert answer.status == 200
    assert server.seen[0].headers["X-Key"] == "k"


async def test_a_redirect_is_followed_by_a_get_alone_and_takes_no_credential_elsewhere(server: Server) -> None:
    outside = UntrustedHttp(private=True)
    there = f"http://localhost:{server.port}/there"
    answer = await outside.request("GET", f"http://127.0.0.1:{server.port}/?to={there}", headers={"X-Key": "k"})
    assert (answer.status, server.seen[-1].path) == (200, "/there")
    assert "X-Key" not in server.seen[-1].headers
    await outside.request("GET", f"http://127.0.0.1:{server.port}/?to=/there", headers={"X-Key": "k"})
    assert server.seen[-1].headers["X-Key"] == "k"
    answer = await outside.request("POST", f"http://127.0.0.1:{server.port}/?to={there}", headers={})
    assert answer.status == 302


async def test_redirects_end(server: Server) -> None:
    answer = await UntrustedHttp(private=True).request("GET", f"http://127.0.0.1:{server.port}/loop", headers={})
    assert answer.status == 302
    assert len(server.seen) == 6


async def test_a_redirect_to_a_private_address_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    # The first hop is let through as if it were public; only the redirect's target is not.
    allowed = {"127.0.0.2"}
    monkeypatch.setattr("answerback.http.untrusted.is_public", lambda address: address in allowed)
    app = web.Application()

    async def moved(request: web.Request) -> web.Response:
        raise web.HTTPFound(f"http://127.0.0.1:{server.port}/secret")

    app.router.add_get("/", moved)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.2", 0)
    await site.start()
    try:
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        with pytest.raises(ForbiddenAddress):
            await UntrustedHttp().request("GET", f"http://127.0.0.2:{port}/", headers={})
    finally:
        await runner.cleanup()
    assert server.seen == []


async def test_an_answer_is_read_up_to_its_limit(server: Server) -> None:
    answer = await UntrustedHttp(private=True).request(
        "GET", f"http://127.0.0.1:{server.port}/big", headers={}, limit=100
    )
    assert len(answer.body) == 101


async def test_whether_it_may_have_taken_effect_is_told() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(Unavailable) as refused:
            await UntrustedHttp(private=True).request("GET", f"http://127.0.0.1:{closed.getsockname()[1]}/", headers={})
        assert not refused.value.unknown
        closed.listen()
        with pytest.raises(Unavailable, match=r"did not respond in 0\.2 s") as silent:
            await UntrustedHttp(private=True).request(
                "GET", f"http://127.0.0.1:{closed.getsockname()[1]}/", headers={}, timeout=0.2
            )
        assert silent.value.unknown


@pytest.mark.parametrize("url", ["ftp://example.com/", "http:///x", "http://[bad", "nonsense", "http://user:pw@/"])
async def test_what_is_no_address_is_said_in_words(url: str) -> None:
    with pytest.raises(Unavailable) as raised:
        await UntrustedHttp().request("GET", url, headers={})
    assert not raised.value.unknown
    assert "pw" not in str(raised.value)
