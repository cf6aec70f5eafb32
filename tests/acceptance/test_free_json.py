"""JSON that is the product's own, metadata and context, comes back as it was given."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.acceptance import model_host
from tests.acceptance.chatting import client
from tests.acceptance.system import System

GIVEN: dict[str, Any] = {
    "snowflake": 2**64, "owed": -(10**40), "longest": 10**999, "exact": 2**63 - 1, "ratio": 0.1, "tiny": 5e-324,
    "deep": [{"a": [None, True, "", "naïve \u202e 😀", {"": []}]}],
}  # fmt: skip


async def test_whatever_fits_into_json_is_kept_exactly(plain: System) -> None:
    await plain.ingress()
    await plain.worker("tests.acceptance.chatters:chatters")
    async with client(plain) as ada:
        made = await ada.call("POST", "/threads", {"agent": "shows", "metadata": GIVEN})
        assert (made.status, made.body["metadata"]) == (201, GIVEN)
        path = f"/threads/{made.body['id']}"
        changed = await ada.call("PATCH", path, {"metadata": {**GIVEN, "snowflake": 2**64 + 1}})
        assert changed.body["metadata"]["snowflake"] == 2**64 + 1
        assert (await ada.get(path))["metadata"] == changed.body["metadata"]
        assert (await ada.get("/threads"))["threads"][0]["metadata"] == changed.body["metadata"]
        lead = {"type": "json", "name": "lead", "data": GIVEN}
        said = await ada.post(f"{path}/messages", {"content": "look", "attachments": [lead]})
        (line,) = [one for one in said["message"]["content"].splitlines() if one.startswith("lead ")]
        assert msgspec.json.decode(line.partition(": ")[2]) == GIVEN, "and the agent has it so"
        opened = await ada.post("/sessions", {"metadata": GIVEN}, 201)
        assert (await ada.get(f"/threads/{opened['id']}"))["metadata"] == GIVEN
    async with model_host.client(plain, await model_host.key(plain)) as host:
        thread = await model_host.call(host, "create_chat_thread", metadata=GIVEN)
        assert thread["metadata"] == GIVEN


@pytest.mark.parametrize(("number", "words"), [("9" * 1001, "more than 1000 digits: 99999"), ("1e999", "large: 1e999")])
async def test_a_number_that_no_reader_could_keep_is_refused_and_named(plain: System, number: str, words: str) -> None:
    await plain.ingress()
    async with client(plain) as ada:
        names = {"Authorization": f"Bearer {ada.key}", "Content-Type": "application/json"}
        body = f'{{"metadata": {{"a": {number}}}}}'
        async with ada.session.post(ada.url("/threads"), data=body, headers=names) as answer:
            assert answer.status == 400
            assert words in (await answer.json())["detail"]
