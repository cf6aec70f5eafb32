"""TLS and users: a real server that requires both, and what is said when the URL lacks something."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from answerback.errors import StoreUnavailable
from answerback.store import permissions
from answerback.store.guard import Guard
from answerback.store.redis import Database
from answerback.store.server import inspected
from answerback.store.threads.threads import Threads
from tests.acceptance.system import free_port
from tests.redis.conftest import serving
from tests.redis.given import accept
from tests.topologies.certificates import Authority
from tests.topologies.tls import server_with_tls


class Secure(NamedTuple):
    """A server that speaks TLS only, and requires a client certificate. The user "app" has the least permissions."""

    port: int
    socket: str
    authority: Authority
    client: tuple[Path, Path]

    def url(self, *parameters: str, host: str = "127.0.0.1", login: str = "app:secret", scheme: str = "rediss") -> str:
        """A URL with some of ca, client, and anything else as it is."""
        known = {
            "ca": f"ssl_ca_certs={self.authority.path}",
            "client": f"ssl_certfile={self.client[0]}&ssl_keyfile={self.client[1]}",
        }
        query = "&".join(known.get(each, each) for each in parameters)
        return f"{scheme}://{login}@{host}:{self.port}/?{query}"


@pytest.fixture(scope="module")
def secure() -> Iterator[Secure]:
    if not (program := server_with_tls()):
        pytest.skip("no redis-server or valkey-server with TLS is installed")
    with tempfile.TemporaryDirectory(prefix="ab-") as folder:
        authority = Authority(Path(folder))
        certificate, key = authority.certificate("server", "127.0.0.1")
        port = free_port()
        tls = ("--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-ca-cert-file")
        rules = ("default on nopass ~* &* +@all", f"app on >secret {permissions.rule()}")
        users = [word for rule in rules for word in ("--user", *rule.split())]
        with serving(program, folder, "--tls-port", str(port), *tls, str(authority.path), *users):
            yield Secure(port, f"{folder}/s", authority, authority.certificate("client"))


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    """A guarded database at a URL."""
    database = Database(url, guard=Guard())
    try:
        yield database
    finally:
        await database.close()


async def test_a_server_with_its_own_authority_client_certificates_and_users(secure: Secure) -> None:
    async with opened(secure.url("ca", "client")) as database:
        await accept(Threads(database), 1)
        [server] = await inspected(database)
    assert (server.user, server.missing, server.role) == ("app", "", "master")


@pytest.mark.parametrize(
    ("parameters", "changes", "words"),
    [
        (("client",), {}, "?ssl_ca_certs=/path/ca.pem"),
        (("ca",), {}, "add ssl_certfile= and ssl_keyfile="),
        (("ca", "client"), {"host": "localhost"}, "ssl_check_hostname=no"),
        (("ca", "client"), {"login": "app:wrong"}, "rejected the user or password in REDIS_URL"),
        ((), {"scheme": "redis"}, "start REDIS_URL with rediss"),
    ],
)
async def test_what_the_url_lacks_is_named(
    secure: Secure, parameters: tuple[str, ...], changes: dict[str, str], words: str
) -> None:
    async with opened(secure.url(*parameters, **changes)) as database:
        with pytest.raises(StoreUnavailable) as caught:
            await database.call("PING")
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("parameters", [("ca", "ssl_check_hostname=no"), ("ssl_cert_reqs=none",)])
async def test_another_host_name_is_possible_if_it_is_wanted(secure: Secure, parameters: tuple[str, ...]) -> None:
    async with opened(secure.url("client", *parameters, host="localhost")) as database:
        await database.call("PING")


async def test_a_certificate_that_was_replaced_is_used_from_the_next_connection_on(
    secure: Secure, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path).certificate("client")
    files = f"ssl_certfile={stranger[0]}&ssl_keyfile={stranger[1]}"
    async with opened(secure.url("ca", files)) as database:
        with pytest.raises(StoreUnavailable):
            await database.call("PING")
        for mine, theirs in zip(secure.client, stranger, strict=True):
            theirs.write_bytes(mine.read_bytes())
        await database.call("PING")


@pytest.mark.one_server
async def test_tls_to_a_server_without_it_is_named(binary: Path) -> None:
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="ab-") as folder, serving(binary, folder, "--port", str(port)):
        async with opened(f"rediss://127.0.0.1:{port}") as database:
            with pytest.raises(StoreUnavailable, match=r"start REDIS_URL with redis\s+instead"):
                await database.call("PING")
