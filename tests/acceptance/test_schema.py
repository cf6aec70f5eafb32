"""The API is as its OpenAPI document says: a fuzzer that knows nothing else finds nothing."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import aiohttp
import pytest

from answerback.store.access.api_keys import ApiKeys
from tests.acceptance.remote import RemoteAgent
from tests.acceptance.system import System
from tests.forks import ROOT

HERE = Path(__file__).parent
ENDLESS = r"/(chat/(threads|sessions)/\{id\}|overview)/stream$"
"""Streams that last until their reader leaves."""
EXAMPLES = os.environ.get("SCHEMA_EXAMPLES", "2")
"""How many of each kind are made for a route: SCHEMA_EXAMPLES=50 for a long look."""
REMOVED = r'no worker serves the agent \\"(?!echo\\")'
"""The failure of a message in a chat whose remote agent the fuzzer registered, and removed before it answered."""
TWINS = r"^/(?!api/v1/)"
"""Other paths of the same routes: what is taken away by one is gone by the other, which a fuzzer cannot know."""


@pytest.mark.long
async def test_a_fuzzer_finds_nothing(plain: System, remote: RemoteAgent) -> None:
    plain.settings |= {"API_RATE": "100000", "API_BURST": "100000", "ALLOW_PRIVATE_URLS": "true"}
    plain.settings |= {"TURN_MAX_ATTEMPTS": "1"}
    ingress = await plain.ingress()
    worker = await plain.worker("tests.acceptance.agents:addressed")
    _, key = await ApiKeys(plain.database).create(scopes=["chat:read", "chat:write", "admin"])
    fuzzer = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("st")),
        *(
            "--config-file",
            str(HERE / "schemathesis.toml"),
            "run",
            f"http://127.0.0.1:{plain.port}/api/v1/openapi.json",
        ),
        *("-H", f"Authorization: Bearer {key}", "--checks", "all", "--exclude-path-regex", f"{ENDLESS}|{TWINS}"),
        *("--max-examples", EXAMPLES, "--continue-on-failure", "--request-timeout", "20", "--no-color"),
        cwd=plain.folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "SCHEMATHESIS_HOOKS": "tests.acceptance.schema_hooks",
            "REMOTE": remote.url,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        words = (await asyncio.wait_for(fuzzer.communicate(), 170))[0].decode()
    finally:
        if fuzzer.returncode is None:
            fuzzer.kill()
    assert fuzzer.returncode == 0, words
    assert re.search(r"(\d{4,}) generated, \1 passed", words), words
    for process in (ingress, worker):
        assert process.alive
        errors = [line for line in process.words().splitlines() if '"level": "error"' in line]
        assert not [line for line in errors if not re.search(REMOVED, line)]


async def test_every_stream_that_does_not_end_begins_as_described(plain: System) -> None:
    await plain.ingress()
    _, key = await ApiKeys(plain.database).create(scopes=["admin"])
    base, seen = f"http://127.0.0.1:{plain.port}", 0
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:
        async with session.get(f"{base}/api/v1/openapi.json") as answer:
            paths = (await answer.json())["paths"]
        async with session.post(f"{base}/api/v1/chat/threads", json={}) as answer:
            id = (await answer.json())["id"]
        for path, methods in paths.items():
            if "get" not in methods or "text/event-stream" not in methods["get"]["responses"]["200"]["content"]:
                continue
            async with session.get(base + path.replace("{id}", id)) as answer:
                assert (answer.status, answer.content_type) == (200, "text/event-stream"), path
                assert await answer.content.readline() == b"retry: 1000\n"
            seen += 1
            if "{id}" in path:
                async with session.get(base + path.replace("{id}", "th_none")) as answer:
                    assert (answer.status, answer.content_type) == (404, "application/problem+json"), path
    assert seen >= 3


async def test_a_path_at_the_root_is_described_as_its_twin(plain: System) -> None:
    await plain.ingress()
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{plain.port}/api/v1/openapi.json") as answer,
    ):
        paths = (await answer.json())["paths"]

    def described(path: str) -> list[dict[str, object]]:
        return [{"method": method, **each, "operationId": ""} for method, each in paths[path].items()]

    twins = [path for path in paths if re.match(TWINS, path)]
    assert twins
    for path in twins:
        there = "/api/v1" + re.sub("^/(v1|api)/", "/", path)
        assert described(path) == described(there)
