"""Nobody sees anything of another workspace, through any route that there is: ids are worth nothing to strangers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from itertools import product

import aiohttp
import pytest
import pytest_asyncio

from answerback.store.access.api_keys import ApiKeys
from answerback.testing.standins.sender import Standard
from tests.acceptance.caller import Caller
from tests.acceptance.described import Names, Operation
from tests.acceptance.mounted import hosted
from tests.acceptance.remote import remote_agent
from tests.acceptance.system import System
from tests.acceptance.tenant import MARK, PAGE, Tenant

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCOPES = ("chat:read", "chat:write", "admin")
FREE = {"sessionId"}
"""Names in paths that are no ids: any text is one, and each workspace has its own of it."""


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["ingress", "mount"])
async def acme(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> AsyncIterator[Tenant]:
    """The first workspace, in an ingress process, and in an application that mounts its parts.

    Both have the same routes: through the mount, some ids are enough.
    """
    mount = "/help/desk" if request.param == "mount" else ""
    settings = {"API_RATE": "100000", "API_BURST": "100000", "ALLOW_PRIVATE_URLS": "true"}
    async with AsyncExitStack() as stack:
        plain = await stack.enter_async_context(System.running(tmp_path_factory.mktemp("tenants"), settings))
        await plain.worker("tests.acceptance.chatters:chatters", TURN_MAX_ATTEMPTS="1")
        keys = ApiKeys(plain.database)
        _, key = await keys.create("acme", scopes=SCOPES)
        _, publishable = await keys.create("acme", origins=[PAGE])
        remote = await stack.enter_async_context(remote_agent())
        session = await stack.enter_async_context(aiohttp.ClientSession())
        tenant = Tenant(plain, session, str(key), remote.url, mount=mount)
        if mount:
            caller = Caller(session, f"http://127.0.0.1:{plain.port}", str(key))
            await stack.enter_async_context(hosted(plain, caller, forked=True))
        else:
            await plain.ingress()
        await tenant.settle(str(publishable))
        receipt = await plain.deliver("standard", Standard().message(f"hi {MARK}", thread="ticket-1"))
        tenant.ids |= {receipt["thread"]}
        tenant.strangers_try = sorted(tenant.ids)[:: 8 if mount else 1]
        yield tenant


async def _operations(acme: Tenant) -> list[Operation]:
    _, _, document = await acme.call("GET", "/api/v1/openapi.json")
    # A path at the root has the same route as its twin in the API: test_schema.py compares them.
    return [operation for operation in Operation.all(document) if operation.path.startswith("/api/v1/")]


async def test_another_workspaces_key_opens_nothing(acme: Tenant) -> None:
    operations = await _operations(acme)
    before = await acme.all_there(operations)
    assert len(before) > 10, "the first workspace sees its own"
    named = 0
    for number, operation in enumerate(operations):
        # A workspace for each: what it makes with these ids is its own, and would be found by the next.
        _, key = await ApiKeys(acme.system.database).create(f"other-{number}", scopes=SCOPES)
        asked = set()
        for id, agent, query in product(acme.strangers_try, ("", "echo"), (False, True)):
            names = Names(id, agent or id, acme.url)
            path, body = operation.address(names, query), operation.body(names)
            if (path, str(body)) in asked:
                continue
            asked.add((path, str(body)))
            status, text, _ = await acme.call(operation.method, path, body, str(key))
            what = f"{operation.method} {path} {body}: {status} {text}"
            assert MARK not in text, what
            assert status < 500, what
            strange = set(operation.fields) - FREE
            if not query and strange and (not agent or (strange != {"agent"} and strange != {"model"})):
                # To forget what is not there is no mistake. Not every id could be the name of an agent.
                assert status == 404 or text == '{"reset":false}' or (status == 422 and '"/agent"' in text), what
                named += 1
    assert named > 4 * len(acme.strangers_try)
    assert await acme.shown(before) == before


async def test_the_token_of_another_session_or_user_opens_nothing(acme: Tenant) -> None:
    operations = await _operations(acme)
    before = await acme.all_there(operations)
    bob = await acme.issue_token("bob")
    for operation in operations:
        asked = set()
        for id in acme.strangers_try if operation.security else ():
            names = Names(id, "echo", acme.url)
            path, body = operation.address(names, query=False), operation.body(names)
            if (path, str(body)) in asked:
                continue
            asked.add((path, str(body)))
            status, text, _ = await acme.call(operation.method, path, body, acme.token, Origin=PAGE)
            assert status == (404 if "session" in operation.security else 403), f"{path}: {status} {text}"
            assert MARK not in text
            status, text, _ = await acme.call(operation.method, path, body, bob)
            what = f"{operation.method} {path}: {status} {text}"
            assert MARK not in text, what
            if "/dialog/" in path:
                # A user's sessions have names of their own: the same text names another session.
                assert status == 200, what
            elif "user" not in operation.security or operation.fields:
                assert status == (404 if "user" in operation.security else 403), what
            else:
                # What bob lists and opens is his own; a body names another user, a query another user's thread.
                assert status in ((404, 422) if "?" in path else (200, 403)), what
    assert await acme.shown(before) == before
    await check_own_threads(acme)


async def check_own_threads(acme: Tenant) -> None:
    """Check what the token of the user opens whose thread it is."""
    issued = await acme.issue_token(MARK)
    _, _, page = await acme.call("GET", "/api/v1/chat/threads?archived=any", key=issued)
    [thread] = page["threads"]
    assert (thread["user_id"], thread["title"], thread["system"], thread["metadata"]) == (MARK, MARK, "", {})
    path = f"/api/v1/chat/threads/{thread['id']}"
    _, _, own = await acme.call("GET", path, key=issued)
    assert [message["agent"] for message in own["messages"]] == [None, "echo"] * 2
    for changed, status in (({"title": "Mine"}, 200), ({"system": "x"}, 403), ({"metadata": {}}, 403)):
        assert (await acme.call("PATCH", path, changed, issued))[0] == status, changed
    _, _, opened = await acme.call("POST", "/api/v1/chat/threads", {"agent": "echo"}, issued)
    assert opened["user_id"] == MARK
    for wrong in ({"user_id": "bob"}, {"system": "x"}):
        assert (await acme.call("POST", "/api/v1/chat/threads", wrong, issued))[0] == 403
    assert (await acme.call("GET", "/api/v1/chat/threads?user_id=bob", key=issued))[0] == 403
    _, _, answer = await acme.call("POST", f"/api/v1/chat/threads/{opened['id']}/messages", {"content": "hi"}, issued)
    assert answer["message"]["content"] == "echo: hi"
    assert (await acme.call("DELETE", f"/api/v1/chat/threads/{opened['id']}", key=issued))[0] == 204
    _, _, revoked = await acme.call("POST", "/api/v1/user-tokens/revoke", {"user_id": MARK})
    assert revoked == {"revoked": 1}
