"""Whatever strangers send to the pages on which an app is installed: nothing is installed, and nothing breaks."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from hashlib import sha256
from urllib.parse import quote, urlencode

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from answerback.sealing import Seal
from answerback.store.fleet.accounts import Accounts
from tests.acceptance.raw import Answer, ask, request
from tests.acceptance.target import Target

in_loop = pytest.mark.asyncio(loop_scope="module")
KEY = "a-secret-key-of-forty-characters-or-more"
NOWHERE = "http://127.0.0.1:9"
"""Nothing listens there: whoever got that far would be told that something does not respond."""
_numbers = itertools.count()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def target(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    told = {
        "SLACK_CLIENT_ID": "1.2",
        "SLACK_CLIENT_SECRET": "the-client-secret",
        "SLACK_API_URL": NOWHERE,
        "ANSWERBACK_SECRET_KEY": KEY,
        "PUBLIC_URL": "https://bot.example.com",
        "TRUSTED_PROXIES": "127.0.0.1",
    }
    async with Target.open(tmp_path_factory.mktemp("installs"), **told) as opened:
        yield opened
        await opened.well()
        assert await Accounts(opened.system.database, None).list("slack") == []


async def get(target: Target, path: str, *headers: str) -> Answer:
    """A page, asked for from an address of its own: the limit is for each."""
    number = next(_numbers)
    address = f"X-Forwarded-For: 203.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    [found] = await ask(target.port, request(f"GET {path}", address, *headers))
    return found


_WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60)


@in_loop
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.sampled_from(["code", "state", "error", "redirect_uri", "x"]), _WORDS, max_size=4),
    st.one_of(st.none(), _WORDS),
)
async def test_no_query_and_no_cookie_installs_anything(
    target: Target, query: dict[str, str], cookie: str | None
) -> None:
    headers = [] if cookie is None else [f"Cookie: answerback_install={quote(cookie)}"]
    found = await get(target, f"/slack/oauth?{urlencode(query)}", *headers)
    assert found.status == 400
    assert "location" not in found.headers
    assert found.headers["content-security-policy"].startswith("default-src 'none'")
    assert b"Start again" in found.body


@in_loop
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/slack/oauth?code=" + "x" * 5000 + "&state=" + "y" * 2000, 400),
        ("/slack/oauth?state=%ff%fe&code=%00", 400),
        ("/slack/oauth?state[]=a&code[]=b", 400),
        ("/slack/install?redirect_uri=https://evil.test&scope=admin", 302),
        ("/github/install", 404),
        ("/standard/oauth", 404),
        ("/slack/install/", 404),
    ],
)
async def test_odd_requests(target: Target, path: str, status: int) -> None:
    found = await get(target, path, "X-Forwarded-Host: evil.test")
    assert found.status == status
    assert b"evil" not in found.body
    if status == 302:
        location = found.headers["location"]
        assert location.startswith("https://slack.com/oauth/v2/authorize?client_id=1.2&")
        assert "redirect_uri=https%3A%2F%2Fbot.example.com%2Fslack%2Foauth" in location
        assert "evil" not in location
        assert "admin" not in location
        cookie = found.headers["set-cookie"]
        for flag in ("HttpOnly", "Secure", "SameSite=Lax", "Max-Age=600", "Path=/slack/oauth"):
            assert flag in cookie


@in_loop
async def test_a_state_is_for_one_platform_and_ten_minutes(target: Target) -> None:
    seal = Seal([KEY])
    browser = "b" * 43
    digest = sha256(browser.encode()).digest()
    cookie = f"Cookie: answerback_install={browser}"
    for purpose in ("install state github", "account slack:T1"):
        state = seal.close(digest, purpose).decode()
        assert (await get(target, f"/slack/oauth?code=c&state={state}", cookie)).status == 400
    good = seal.close(digest, "install state slack").decode()
    assert (await get(target, f"/slack/oauth?code=c&state={good}")).status == 400
    # This one is good, so that its code is exchanged, with nobody.
    found = await get(target, f"/slack/oauth?code=c&state={good}", cookie)
    assert (found.status, b"did not respond" in found.body) == (503, True)
    assert b"127.0.0.1" not in found.body
    assert (await get(target, f"/slack/oauth?code=c&state={good}", cookie)).status == 400


@in_loop
async def test_one_address_is_limited(target: Target) -> None:
    answers = [
        await ask(target.port, request("GET /slack/install", "X-Forwarded-For: 198.51.100.7")) for _ in range(40)
    ]
    statuses = {found.status for [found] in answers}
    assert statuses == {302, 429}
