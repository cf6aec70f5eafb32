"""Where a mount is, and what it does with what is not a request."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from answerback.asgi import Caller, dialog
from answerback.errors import ConfigurationError
from answerback.settings import Settings
from answerback.store.chats.sessions import session_id
from ingress.api.auth.host import principal
from ingress.asgi.lifetime import Services, _server_is_stopping
from ingress.asgi.mount import Mount
from ingress.asgi.paths import local_path, root_of
from ingress.asgi.types import Message


@pytest.mark.parametrize(
    ("scope", "below"),
    [
        ({"path": "/turn"}, "/turn"),
        ({"path": "/in/turn", "root_path": "/in"}, "/turn"),
        ({"path": "/in/turn", "root_path": "/in/"}, "/turn"),
        ({"path": "/turn", "root_path": "/in"}, "/turn"),
        ({"path": "/inside", "root_path": "/in"}, "/inside"),
        ({"path": "/in", "root_path": "/in"}, ""),
        ({"path": "/a/b", "raw_path": b"/a%2Fb"}, "/a%2Fb"),
        ({"path": "/in/a/b", "root_path": "/in", "raw_path": b"/in/a%2Fb"}, "/a%2Fb"),
        ({"path": "/in/a/b", "root_path": "/in", "raw_path": b"/a%2Fb"}, "/a%2Fb"),
        ({"path": "/ä/in/x", "root_path": "/ä/in", "raw_path": b"/%C3%A4/in/x"}, "/x"),
        ({"path": "/in/in/x", "root_path": "/in", "raw_path": b"/in/in/x"}, "/in/x"),
        ({"path": "/in/ü", "root_path": "/in", "raw_path": None}, "/%C3%BC"),
        ({"path": "/\ufffd", "raw_path": b"/%FF"}, "/%FF"),
    ],
)
def test_the_path_below_a_mount_is_found_as_each_server_gives_it(scope: dict[str, Any], below: str) -> None:
    assert local_path(scope) == below


def test_the_root_is_percent_encoded() -> None:
    assert [root_of(scope) for scope in ({}, {"root_path": "/"}, {"root_path": "/ä b/"})] == ["", "", "/%C3%A4%20b"]


@pytest.fixture
def mount() -> Mount:
    """A mount whose Redis cannot be reached, and which is never started."""
    return Mount(Services(Settings.load({"REDIS_URL": "redis://127.0.0.1:1"})), prefix="/dialog/kyc", parts=("/turn",))


async def _messages(mount: Mount, scope: dict[str, Any], *messages: Message) -> list[Message]:
    waiting, sent = list(messages), []

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await mount(scope, receive, send)
    return sent


async def test_a_websocket_is_refused_and_the_unknown_is_an_error(mount: Mount) -> None:
    sent = await _messages(mount, {"type": "websocket"}, {"type": "websocket.connect"})
    assert [message["type"] for message in sent] == ["websocket.close"]
    with pytest.raises(ValueError, match="carrier pigeon"):
        await _messages(mount, {"type": "carrier pigeon"})


async def test_a_lifespan_starts_and_stops_it_and_redis_may_be_down(mount: Mount) -> None:
    sent = await _messages(mount, {"type": "lifespan"}, {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_another_path_is_a_problem_and_a_stopped_mount_starts_again(mount: Mount) -> None:
    for method in ("GET", "HEAD"):
        scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": "/in/reset",
            "root_path": "/in",
            "headers": [],
        }
        start, body = await _messages(mount, scope | {"headers": []})
        assert (start["status"], bool(body["body"])) == (404, method == "GET")
        await mount.stop()
    await mount.stop()


class Server:
    """A server whose signal handler is a method, as uvicorn's is."""

    should_exit = False

    def handle_exit(self, signum: int, frame: object) -> None:
        self.should_exit = True


@pytest.fixture
def handler() -> Iterator[Callable[[Any], Any]]:
    """Set a handler of SIGTERM for the time of a test."""
    before = signal.getsignal(signal.SIGTERM)
    yield lambda handler: signal.signal(signal.SIGTERM, handler)
    signal.signal(signal.SIGTERM, before)


def test_uvicorns_end_is_noticed(handler: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    uvicorn = pytest.importorskip("uvicorn")
    # Imported by mcp, it wraps uvicorn's handler: then all its streams in this process end at once.
    sse = pytest.importorskip("sse_starlette.sse")
    monkeypatch.setattr(sse.AppStatus, "should_exit", False)
    server = uvicorn.Server(uvicorn.Config("x:y"))
    handler(server.handle_exit)
    assert not _server_is_stopping()
    server.handle_exit(signal.SIGTERM, None)
    assert _server_is_stopping()
    for other in (signal.SIG_DFL, lambda signum, frame: None, Server().handle_exit):
        handler(other)
        assert not _server_is_stopping()


@pytest.mark.parametrize(
    ("caller", "match"),
    [
        (True, "must return an answerback.asgi.Caller or None, not True"),
        (Caller(workspace="No!"), 'the workspace "No!"'),
        (Caller(scopes=("root",)), 'the scope "root"'),  # type: ignore[arg-type]
        (Caller(user=""), "1 to 256 characters"),
    ],
)
def test_a_host_applications_mistake_is_named(caller: object, match: str) -> None:
    with pytest.raises(ConfigurationError, match=match):
        principal(caller)


def test_a_user_of_a_host_application_is_as_one_with_a_token() -> None:
    ada = principal(Caller(workspace="acme", user="ada", scopes=("admin",)))
    assert (ada.kind, ada.user, ada.may("admin")) == ("user", "ada", False)
    assert session_id("kyc", "s", ada.user) not in (session_id("kyc", "s"), session_id("kyc", "s", "bob"))


def test_a_host_application_without_an_agent_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="needs the name of an agent"):
        dialog("")
