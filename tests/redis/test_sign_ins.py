"""Signing in: a link works once, a sign-in until it is ended, and no secret lies in the store."""

from __future__ import annotations

import asyncio

from answerback.store.access.sign_ins import LIFE, LINK, SignIn, SignIns
from answerback.store.redis import Database


async def test_a_link_signs_in_once_whoever_is_first(database: Database) -> None:
    sign_ins = SignIns(database)
    token = await sign_ins.link("acme")
    assert await sign_ins.redeem(token[:-1]) is None
    found = await asyncio.gather(*(sign_ins.redeem(token) for _ in range(10)))
    assert sorted(found, key=str) == [None] * 9 + ["acme"]


async def test_a_sign_in_lasts_until_it_is_ended(database: Database) -> None:
    sign_ins = SignIns(database)
    secret = await sign_ins.begin(SignIn("acme", "0123456789abcdef"))
    other = await sign_ins.begin(SignIn("acme", ""))
    assert await sign_ins.get(secret) == SignIn("acme", "0123456789abcdef")
    await sign_ins.end(secret)
    assert await sign_ins.get(secret) is None
    assert await sign_ins.get(other) == SignIn("acme", "")
    assert await sign_ins.get("\udcff") is None


async def test_neither_lasts_for_ever_nor_lies_in_the_store_as_it_is(database: Database) -> None:
    sign_ins = SignIns(database)
    secrets = [await sign_ins.link("acme"), await sign_ins.begin(SignIn("acme", ""))]
    names = await database.call("KEYS", "*")
    lives = sorted([await database.call("PTTL", name) for name in names])
    assert [0 < life <= most * 1000 for life, most in zip(lives, (LINK, LIFE), strict=True)] == [True, True]
    everything = b"".join([*names, *[await database.call("GET", name) for name in names]])
    for secret in secrets:
        assert secret.encode() not in everything
