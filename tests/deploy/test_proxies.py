"""Caddy and nginx, configured as in deploy/, in front of a system: webhooks, streams, addresses, limits."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from answerback.store.access.api_keys import ApiKeys
from answerback.testing.standins.options import Options
from answerback.testing.standins.sender import GitHub
from tests.acceptance.system import System, free_port, until
from tests.deploy.programs import DEPLOY, program, run

HOST = "bot.example.com"


def certificate(folder: Path) -> None:
    """Write a certificate for HOST that nobody has signed, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def nginx(folder: Path, port: int, upstream: int) -> tuple[list[str], dict[str, str], str]:
    """Return the command that runs nginx on a port, its environment and its URL. The rest is the sample's own."""
    binary = program("nginx")
    certificate(folder)
    sample = (DEPLOY / "nginx/answerback.conf").read_text()
    for theirs, ours in {
        "server 127.0.0.1:8080;": f"server 127.0.0.1:{upstream};",
        f"/etc/letsencrypt/live/{HOST}/": f"{folder}/",
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "listen [::]:443 ssl http2;": "",
        "listen 80;": f"listen unix:{folder}/http.sock;",
        "listen [::]:80;": "",
    }.items():
        assert theirs in sample
        sample = sample.replace(theirs, ours)
    (folder / "answerback.conf").write_text(sample)
    temporary = "".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; error_log stderr warn; pid {folder}/pid; events {{}} "
        f"http {{ access_log off; {temporary} include {folder}/answerback.conf; }}"
    )
    command = [binary, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    run(*command, "-t", folder=folder)
    return command, {}, f"https://127.0.0.1:{port}"


def caddy(folder: Path, port: int, upstream: int) -> tuple[list[str], dict[str, str], str]:
    """Return the command that runs Caddy on a port, its environment and its URL: without TLS, or it asks for names."""
    binary = program("caddy")
    url = f"http://127.0.0.1:{port}"
    environment = {
        "ANSWERBACK_HOST": url,
        "ANSWERBACK_UPSTREAM": f"127.0.0.1:{upstream}",
        "CADDY_ADMIN": f"unix/{folder}/admin.sock",
        "HOME": str(folder),
    }
    file = str(DEPLOY / "caddy/Caddyfile")
    run(
        binary,
        "validate",
        "--adapter",
        "caddyfile",
        "--config",
        file,
        environment={**environment, "ANSWERBACK_HOST": HOST},
    )
    return [binary, "run", "--adapter", "caddyfile", "--config", file], environment, url


PROXIES = {"nginx": nginx, "caddy": caddy}


@pytest.fixture(params=PROXIES)
async def proxied(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[System, str]]:
    """Run a system with a proxy in front. Give the system, and the URL of the proxy."""
    port = free_port()
    settings = {
        "GITHUB_WEBHOOK_SECRET": Options.github_secret,
        "TRUSTED_PROXIES": "127.0.0.1",
        "WEBHOOK_RATE_PER_IP": "0.001:2",
        "METRICS_PORT": str(free_port()),
    }
    proxy = tmp_path / "proxy"
    proxy.mkdir()
    async with System.running(tmp_path, settings) as system:
        command, environment, url = PROXIES[request.param](proxy, port, system.port)
        await system.ingress()
        await system.worker("tests.acceptance.agents:recites")
        with (proxy / "log").open("wb") as log:
            process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:

            async def ready() -> bool:
                assert process.poll() is None, (proxy / "log").read_text()
                try:
                    async with client() as session, session.get(f"{url}/health/ready") as response:
                        return response.status == 200
                except aiohttp.ClientError:
                    return False

            await until(ready, what=f"{request.param} being ready")
            yield system, url
        finally:
            process.terminate()
            process.wait()


@asynccontextmanager
async def client(address: str = "127.0.0.1") -> AsyncIterator[aiohttp.ClientSession]:
    """Connect from an address, and trust any certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connector = aiohttp.TCPConnector(local_addr=(address, 0), ssl=context)
    async with aiohttp.ClientSession(connector=connector, headers={"Host": HOST}) as session:
        yield session


async def test_webhooks_streams_and_addresses_pass_a_proxy(proxied: tuple[System, str]) -> None:
    system, url = proxied
    if url.startswith("http:"):  # Caddy serves the host of its configuration alone.
        host = {"Host": url.removeprefix("http://")}
    else:
        host = {}

    # A webhook: the signature is over the bytes of the body.
    sender = GitHub(login="octocat")
    deliveries = [sender.issue_comment(f"say {number}", number=number, comment=number) for number in range(1, 6)]

    async def post(number: int, address: str, **headers: str) -> int:
        delivery = deliveries[number]
        async with (
            client(address) as session,
            session.post(
                f"{url}/webhooks/github", data=delivery.body, headers={**delivery.headers, **host, **headers}
            ) as response,
        ):
            await response.read()
            return response.status

    # Two per address: what a client claims about its own does not matter, and another address is another client.
    assert await post(0, "127.0.0.2") == 202
    assert await post(1, "127.0.0.2", **{"X-Forwarded-For": "192.0.2.1"}) == 202
    assert await post(2, "127.0.0.2", **{"X-Forwarded-For": "192.0.2.2"}) == 429
    assert await post(2, "127.0.0.3", **{"X-Forwarded-For": "192.0.2.1"}) == 202
    await system.quiet(3)

    # A stream: the reader has the first words while the agent waits for permission to say more.
    _, key = await ApiKeys(system.database).create("acme", scopes=("chat:read", "chat:write"))
    headers = {"Authorization": f"Bearer {key}", **host}
    async with client() as session:
        async with session.post(f"{url}/api/v1/chat/threads", json={"agent": "recite"}, headers=headers) as response:
            assert response.status == 201, await response.text()
            thread = (await response.json())["id"]
        request = session.post(
            f"{url}/api/v1/chat/threads/{thread}/messages",
            json={"content": "say 3 and 2", "stream": True},
            headers=headers,
        )
        async with request as response:
            assert response.content_type == "text/event-stream"
            received = b""

            async def read_to(end: bytes) -> None:
                nonlocal received
                async with asyncio.timeout(30):
                    while end not in received:
                        piece = await response.content.readany()
                        assert piece, received
                        received += piece

            await read_to(b"word2 ")
            assert b"word3 " not in received
            system.release()
            await read_to(b"event: done")
            assert b"word4 " in received

        # A body over the limit is refused, by either of the two; one below it reaches ingress, which wants a signature.
        json = {"Content-Type": "application/json", **host}
        for size, status in ((30_000_000, 413), (26_000_000, 401)):
            async with session.post(f"{url}/webhooks/github", data=b"x" * size, headers=json) as response:
                assert response.status == status, await response.text()
        async with session.get(f"{url}/metrics", headers=host) as response:
            assert response.status == 404
