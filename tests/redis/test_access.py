"""API keys, session tokens and user tokens: what opens, what opens no more, and that no secret lies in the store."""

from __future__ import annotations

import asyncio

import pytest

from answerback.store.access import keys as access_keys
from answerback.store.access.api_keys import SCOPES, ApiKeys, InvalidKey
from answerback.store.access.credential import Credential
from answerback.store.access.session_tokens import SessionTokens
from answerback.store.access.user_tokens import InvalidUserToken, UserTokens
from answerback.store.redis import Database
from tests.redis.given import until


async def test_a_key_opens_its_workspace_with_its_scopes(database: Database) -> None:
    found = ApiKeys(database)
    made, shown = await found.create("acme", scopes=["chat:read", "chat:read"], name="backend")
    assert str(shown).startswith("ab_live_")
    assert (made.workspace, made.scopes, made.name, made.state) == ("acme", ("chat:read",), "backend", "live")
    opened = await found.find(str(shown))
    assert opened is not None
    assert opened.id == made.id
    assert [[key.id for key in await found.list(workspace)] for workspace in ("acme", None)] == [[made.id]] * 2
    assert await found.list("other") == []


async def test_what_is_not_quite_a_key_opens_nothing(database: Database) -> None:
    found = ApiKeys(database)
    _, shown = await found.create(scopes=["admin"])
    other = Credential.new("live")
    for wrong in (
        "",
        "ab_live_",
        str(other),
        str(Credential("live", shown.id, other.secret)),
        str(Credential("live", other.id, shown.secret)),
        str(Credential("pub", shown.id, shown.secret)),
        str(shown)[:-1],
        str(shown) + "a",
        str(shown).upper(),
        str(shown) + "\n",
        "\udcff" * 40,
    ):
        assert await found.find(wrong) is None, wrong


async def test_no_secret_lies_in_the_store(database: Database) -> None:
    found = ApiKeys(database)
    made, first = await found.create(scopes=["admin"])
    second = await found.rotate(made.id, grace=60)
    _, token = await SessionTokens(database).grant("default", "th_1", made.id, seconds=60)
    _, of_user = await UserTokens(database).grant("default", "ada", made.id, seconds=60)
    assert second is not None
    everything = b""
    for key in await database.call("KEYS", "*"):
        kind = await database.call("TYPE", key)
        command, *rest = {"hash": ("HGETALL",), "string": ("GET",), "set": ("SMEMBERS",), "zset": ("ZRANGE", 0, -1)}[
            kind.decode()
        ]
        everything += repr(await database.call(command, key, *rest)).encode() + key
    for shown in (first, second, token, of_user):
        assert shown.id.encode() in everything
        assert shown.secret.encode() not in everything


async def test_a_revoked_key_opens_nothing_and_stays_revoked(database: Database) -> None:
    found = ApiKeys(database)
    made, shown = await found.create(scopes=["admin"])
    assert await found.revoke(made.id)
    first = await found.get(made.id)
    assert await found.find(str(shown)) is None
    assert await found.revoke(made.id)
    again = await found.get(made.id)
    assert first is not None
    assert again is not None
    assert (again.state, again.revoked) == ("revoked", first.revoked)
    assert await found.rotate(made.id, grace=60) is None
    assert not await found.revoke("0123456789abcdef")
    assert await found.rotate("0123456789abcdef", grace=60) is None


async def test_a_key_ends_by_itself(database: Database) -> None:
    found = ApiKeys(database)
    made, shown = await found.create(scopes=["admin"], expires=3600)
    assert made.expires == made.created + 3_600_000
    assert await found.find(str(shown)) is not None
    await database.call("HSET", access_keys.api_key(made.id), "expires", await database.now())
    assert await found.find(str(shown)) is None
    assert [key.state for key in await found.list()] == ["expired"]


async def test_after_a_rotation_the_old_secret_is_good_for_its_grace(database: Database) -> None:
    found = ApiKeys(database)
    made, first = await found.create(scopes=["admin"])
    second = await found.rotate(made.id, grace=60)
    for shown in (first, second):
        assert await found.find(str(shown)) is not None
    third = await found.rotate(made.id, grace=0)
    assert await found.find(str(first)) is None
    assert await found.find(str(second)) is None
    assert await found.find(str(third)) is not None


async def test_last_use_is_noted(database: Database) -> None:
    found = ApiKeys(database)
    made, shown = await found.create(scopes=["admin"])
    assert made.last_used == 0
    await found.touch(made)
    read = await found.find(str(shown))
    assert read is not None
    assert read.last_used == made.read


async def test_a_publishable_key_is_for_its_origins_until_it_is_revoked(database: Database) -> None:
    found = ApiKeys(database)
    made, shown = await found.create(origins=["https://WWW.Example.com:443/", "http://localhost:3000"])
    assert str(shown).startswith("ab_pub_")
    assert made.origins == ("https://www.example.com", "http://localhost:3000")
    assert made.scopes == ()
    assert [key.id for key in await found.allowing("http://localhost:3000")] == [made.id]
    assert await found.allowing("http://localhost") == []
    await found.revoke(made.id)
    assert await found.allowing("http://localhost:3000") == []


async def test_an_app_and_an_extension_have_origins_too(database: Database) -> None:
    origins = (
        "capacitor://localhost", "ionic://localhost", "app://obsidian.md", "tauri://localhost", "app://-",
        "chrome-extension://abcdefghijklmnopabcdefghijklmnop", "moz-extension://0c0b6e3a-5a7e-4f8e-9a52-1f6f7c1c2d3e",
        "safari-web-extension://A1B2C3D4-0000-4000-8000-ABCDEFABCDEF", "vscode-webview://0abc", "app://localhost:3000",
    )  # fmt: skip
    made, _ = await ApiKeys(database).create(origins=origins)
    assert made.origins == tuple(origin.lower() for origin in origins)
    assert [key.id for key in await ApiKeys(database).allowing("capacitor://localhost")] == [made.id]


@pytest.mark.parametrize(
    "wrong",
    [
        {"workspace": "ACME", "scopes": ["admin"]},
        {"workspace": "", "scopes": ["admin"]},
        {"workspace": "a:b", "scopes": ["admin"]},
        {"workspace": "a" * 65, "scopes": ["admin"]},
        {"scopes": ["root"]},
        {},
        {"scopes": ["admin"], "origins": ["https://a.example"]},
        {"scopes": ["admin"], "name": "two\nlines"},
        {"scopes": ["admin"], "name": "a" * 201},
        {"scopes": ["admin"], "expires": -1},
        {"scopes": ["admin"], "expires": 1e12},
        *(
            {"origins": [origin]}
            for origin in (
                "*", "https://*", "https://*.example.com", "null", "example.com", "ftp://a.example", "https://a.example/b",
                "https://u@a.example", "https://a.example:x", "https://", "https://a b.example", "https://a.example?x",
                "https://a\x00.example", "file:///", "file://localhost", "data://a", "blob://a.example", "javascript://a",
                "wss://a.example", "capacitor://", "capacitor://localhost/path", "1app://a", "chrome-extension://*",
                "https://" + "a" * 70 + ".example", "https://[::1",
            )
        ),
    ],
)  # fmt: skip
async def test_a_key_that_can_not_be_is_told(database: Database, wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidKey):
        await ApiKeys(database).create(**wrong)  # type: ignore[arg-type]
    assert await ApiKeys(database).list() == []


async def test_all_scopes_can_be_given(database: Database) -> None:
    made, _ = await ApiKeys(database).create(scopes=SCOPES)
    assert made.scopes == SCOPES


async def test_a_token_opens_one_thread_until_its_session_ends(database: Database) -> None:
    tokens = SessionTokens(database)
    token, shown = await tokens.grant("acme", "th_1", "key", seconds=60)
    _, second = await tokens.grant("acme", "th_1", "key", seconds=3600)
    _, other = await tokens.grant("acme", "th_2", "key", seconds=60)
    found = await tokens.get(shown.id)
    assert found == token
    assert found.accepts(shown)
    assert not found.accepts(second)
    assert not found.accepts(Credential("live", shown.id, shown.secret))
    assert (found.workspace, found.thread, found.key) == ("acme", "th_1", "key")
    assert 3590 < await database.call("TTL", access_keys.session_tokens("acme", "th_1")) <= 3600
    await tokens.end("acme", "th_1")
    assert await tokens.get(shown.id) is None
    assert await tokens.get(second.id) is None
    assert await tokens.get(other.id) is not None
    await tokens.end("acme", "th_1")


async def test_a_user_token_is_valid_until_it_is_revoked(database: Database) -> None:
    tokens = UserTokens(database)
    token, shown = await tokens.grant("acme", "ada", "key", seconds=60)
    _, second = await tokens.grant("acme", "ada", seconds=3600)
    _, other = await tokens.grant("acme", "bob", "key", seconds=60)
    stored = await tokens.get(shown.id)
    assert stored == token
    assert stored.accepts(shown)
    assert not stored.accepts(second)
    assert not stored.accepts(Credential("ses", shown.id, shown.secret))
    assert (stored.workspace, stored.user, stored.key) == ("acme", "ada", "key")
    assert 3590 < await database.call("TTL", access_keys.user_tokens("acme", "ada")) <= 3600
    assert not await tokens.revoke(shown.id, "other"), "another workspace's"
    assert await tokens.revoke(shown.id, "acme")
    assert not await tokens.revoke(shown.id)
    assert await tokens.revoke_all("acme", "ada") == 1
    assert [await tokens.get(each.id) is None for each in (shown, second, other)] == [True, True, False]
    assert await tokens.revoke_all("acme", "ada") == 0


async def test_expired_tokens_of_a_user_do_not_pile_up(database: Database) -> None:
    tokens, name = UserTokens(database), access_keys.user_tokens("acme", "ada")
    for _ in range(3):
        token, _ = await tokens.grant("acme", "ada", seconds=60)
        await database.call("ZADD", name, 1, token.id)
    last, _ = await tokens.grant("acme", "ada", seconds=60)
    assert await database.call("ZRANGE", name, 0, -1) == [last.id.encode()]


@pytest.mark.parametrize(("user", "seconds"), [("", 60), ("x" * 257, 60), ("ada", 0), ("ada", 31 * 86_400)])
async def test_a_user_token_that_can_not_be_is_refused(database: Database, user: str, seconds: float) -> None:
    with pytest.raises(InvalidUserToken):
        await UserTokens(database).grant("acme", user, seconds=seconds)


async def test_a_token_expires(database: Database) -> None:
    tokens = SessionTokens(database)
    _, shown = await tokens.grant("acme", "th_1", "key", seconds=0.05)

    async def gone() -> bool:
        return await tokens.get(shown.id) is None and not await database.call("KEYS", "*")

    await until(gone)


async def test_rotating_and_revoking_at_once_leaves_the_key_revoked(database: Database) -> None:
    found = ApiKeys(database)
    for _ in range(20):
        made, _ = await found.create(scopes=["admin"])
        await asyncio.gather(found.rotate(made.id, grace=0), found.revoke(made.id), found.touch(made))
        read = await found.get(made.id)
        assert read is not None
        assert read.state == "revoked"
