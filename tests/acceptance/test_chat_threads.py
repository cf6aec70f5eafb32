"""Threads through the API, on real processes: opened, sent to, awaited, listed, deleted."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from answerback.testing.standins.sender import Standard
from tests.acceptance.chatting import Client, Screen, client
from tests.acceptance.system import System

THREADS = "/threads"
SESSIONS = "/sessions"


async def test_a_thread_is_opened_said_to_and_read(plain: System) -> None:
    await plain.ingress()
    await plain.worker("tests.acceptance.chatters:chatters")
    async with client(plain) as ada:
        lead = {"company": "Widgets", "seats": 40}
        made = await ada.call(
            "POST", THREADS, {"agent": "echo", "user_id": "u-1", "title": "Lunch", "metadata": {"plan": "pro"}}
        )
        assert made.status == 201
        assert made.headers["Location"].endswith(made.body["id"])
        assert (made.body["agent"], made.body["user_id"], made.body["state"]) == ("echo", "u-1", "idle")
        path = f"{THREADS}/{made.body['id']}"
        said = await ada.post(
            f"{path}/messages",
            {
                "content": "hello",
                "attachments": [
                    {"type": "text", "name": "notes.txt", "text": "a\nb"},
                    {"type": "json", "name": "lead", "data": lead},
                    {"type": "file", "name": "dot.png", "content_type": "image/png", "data": "iVBORw0KGgo="},
                ],
            },
        )
        assert (said["status"], said["message"]["content"]) == ("completed", "echo: hello")
        found = await ada.get(path)
        assert [(m["role"], m["content"]) for m in found["messages"]] == [
            ("user", "hello"),
            ("assistant", "echo: hello"),
        ]
        question, answer = found["messages"]
        assert question["id"] == said["dispatch_id"] == said["id"]
        assert (found["message_count"], found["waiting_count"], found["dead_letter_count"]) == (2, 0, 0)
        assert [(a["name"], a["size"]) for a in question["attachments"]] == [
            ("notes.txt", 3), ("lead", len('{"company": "Widgets", "seats": 40}')), ("dot.png", 8),
        ]  # fmt: skip
        assert (answer["id"], answer["agent"], answer["status"]) == (said["message"]["id"], "echo", "completed")
        assert question["created_at"] <= answer["created_at"]
        assert (found["waiting"], found["earlier"], found["state"]) == ([], 0, "idle")
        page = await ada.get(f"{path}/messages?limit=1")
        assert [m["id"] for m in page["messages"]] == [question["id"]]
        rest = await ada.get(f"{path}/messages?cursor={page['next_cursor']}")
        assert ([m["id"] for m in rest["messages"]], rest["next_cursor"]) == ([answer["id"]], None)
        await _an_agent_reads_a_file(ada)
        await _a_retrieval_is_seen(ada)
        await _a_button_is_pressed(plain, ada)


async def _a_button_is_pressed(plain: System, ada: Client) -> None:
    path = f"{THREADS}/{(await ada.post(THREADS, {'agent': 'offers'}, 201))['id']}/messages"
    sent = [each async for each in ada.stream("POST", path, {"content": "A shirt?", "stream": True})]
    assert [each.data["text"] for each in sent if each.kind == "progress"] == ["Looking for shirts…"]
    shown = [each.data for each in sent if each.kind == "actions"]
    assert [action["label"] for action in shown[0]["actions"]] == ["None"]
    message, actions = shown[-1]["message"], shown[-1]["actions"]
    stored = (await ada.get(path))["messages"]
    assert stored[1]["id"] == message
    assert stored[1]["actions"] == actions
    assert [action["url"] for action in actions] == [None, None, "https://example.com/shop"]

    def pressed(name: str, option: str = "", message: str = message) -> dict[str, Any]:
        return {"action": {"message": message, "name": name, "option": option}}

    # Of what there is not, nothing is stored: not even what had been there.
    for press in (pressed("All"), pressed("size", "xl"), pressed("Our shop"), pressed("None", message="th_x.0")):
        assert (await ada.post(path, press, 404))["type"].endswith("no-such-button")
    for wrong in ({**pressed("None"), "content": "and this"}, {"action": {"name": "None"}}, {"action": None}):
        await ada.post(path, wrong, 422)
    # A double click is one press; a second one after the answer is another. The value is the button's own.
    first, second = [(await ada.post(path, pressed("None") | {"wait": False}, 202))["id"] for _ in "12"]
    plain.release()
    chosen = await ada.post(path, pressed("size", "l"))
    assert chosen["message"]["content"] == "chose Large (value: l): select size l"
    again = await ada.post(path, pressed("None"))
    assert again["message"]["content"] == "pressed None (value: 0): button None 0"
    answered = [each["turn"] for each in (await ada.get(path))["messages"] if each["role"] == "assistant"]
    assert (answered.count(first), answered.count(second), len(answered)) == (1, 0, 5)


async def _a_retrieval_is_seen(ada: Client) -> None:
    path = f"{THREADS}/{(await ada.post(THREADS, {'agent': 'knows'}, 201))['id']}/messages"
    asked = {"content": "When do you open?", "stream": True}
    sent = {each.kind: each.data async for each in ada.stream("POST", path, asked)}
    (document,) = sent["retrieval"]["documents"]
    assert (sent["retrieval"]["query"], document["source"]) == ("When do you open?", "hours#Shop")
    answer = (await ada.get(path))["messages"][-1]
    assert answer["content"] == "hours#Shop"
    assert answer["retrievals"] == [
        {"id": sent["retrieval"]["id"], "query": "When do you open?", "documents": [document]}
    ]


async def _an_agent_reads_a_file(ada: Client) -> None:
    path = f"{THREADS}/{(await ada.post(THREADS, {'agent': 'shows'}, 201))['id']}"
    headers = {"Authorization": f"Bearer {ada.key}", "Content-Type": "text/csv"}
    query = {"name": "prices.csv"}
    async with ada.session.post(ada.url(f"{path}/files"), data=b"a,1", params=query, headers=headers) as response:
        assert response.status == 201, await response.text()
        file = await response.json()
    said = await ada.post(f"{path}/messages", {"content": "cheap?", "files": [file["id"]]})
    assert "prices.csv (text/csv): b'a,1'" in said["message"]["content"]
    found = await ada.get(f"{path}/messages")
    assert found["messages"][0]["attachments"][0]["file"] == file["id"]


async def test_a_message_is_stored_when_nobody_is_there_to_answer(plain: System) -> None:
    await plain.ingress(API_WAIT_SECONDS="0.2")
    async with client(plain) as ada:
        path = f"{THREADS}/{(await ada.post(THREADS, status=201))['id']}"
        receipt = await ada.post(f"{path}/messages", {"content": "one", "wait": False}, 202)
        waited = await ada.post(f"{path}/messages", {"content": "two"}, 202)
        assert (receipt["reason"], waited["reason"]) == ("", "no worker is running")
        found = await ada.get(path)
        assert [m["content"] for m in found["waiting"]] == ["one", "two"]
        assert [m["id"] for m in found["waiting"]] == [receipt["dispatch_id"], waited["dispatch_id"]]
        assert (receipt["id"], found["waiting_count"]) == (receipt["dispatch_id"], 2)
        assert (found["messages"], found["state"]) == ([], "waiting")
        await plain.worker("tests.acceptance.agents:addressed")
        screen = Screen()
        await screen.watch(ada, f"{path}/stream?after={receipt['after']}")
        assert screen.texts == {f"{receipt['id']}.0": "echo: one"}


async def test_a_named_post_is_worked_on_once(plain: System) -> None:
    await plain.ingress()
    await plain.worker("tests.acceptance.agents:addressed")
    async with client(plain) as ada:
        made = [await ada.post(THREADS, {"title": "a"}, 201, Idempotency_Key="k1") for _ in range(2)]
        assert made[0] == made[1]
        path = f"{THREADS}/{made[0]['id']}/messages"
        said = [await ada.post(path, {"content": "hello"}, Idempotency_Key="k2") for _ in range(2)]
        assert said[0] == said[1]
        streamed = [
            sent async for sent in ada.stream("POST", path, {"content": "x", "stream": True}, Idempotency_Key="k3")
        ]
        again = [
            sent async for sent in ada.stream("POST", path, {"content": "x", "stream": True}, Idempotency_Key="k3")
        ]
        assert streamed[1:] == again[1:]
        assert again[0].data["status"] == "duplicate"
        await ada.post(path, {"content": "other"}, 409, Idempotency_Key="k2")
        assert len((await ada.get(path))["messages"]) == 4


async def test_a_turn_that_fails_for_good_is_a_problem_with_its_turn(plain: System) -> None:
    await plain.ingress()
    await plain.worker("tests.acceptance.agents:failing", TURN_MAX_ATTEMPTS="2")
    async with client(plain) as ada:
        path = f"{THREADS}/{(await ada.post(THREADS, status=201))['id']}"
        failed = await ada.post(f"{path}/messages", {"content": "fail always"}, 502)
        assert failed["turn"] in failed["detail"]
        sent = [s async for s in ada.stream("POST", f"{path}/messages", {"content": "fail always", "stream": True})]
        assert [s.kind for s in sent if s.kind in ("retry", "error", "done")] == ["retry", "error"]
        assert (await ada.post(f"{path}/messages", {"content": "fail 1"}))["message"]["content"] == "ok after 2"


async def test_an_agent_is_asked_by_name_wherever_it_is(plain: System) -> None:
    await plain.ingress()
    await plain.worker("tests.acceptance.agents:echoes")
    await plain.worker("tests.acceptance.agents:counts")
    async with client(plain) as ada:
        for agent, answer in (("count", "0"), ("echo", "echo: hello"), ("count", "0")):
            made = await ada.post(THREADS, {"agent": agent}, 201)
            said = await ada.post(f"{THREADS}/{made['id']}/messages", {"content": "hello"})
            assert said["message"]["content"] == answer
        unknown = await ada.post(THREADS, {"agent": "nobody"}, 404)
        assert "count, echo" in unknown["detail"]
        # Reassigned, and given other instructions.
        path = f"{THREADS}/{(await ada.post(THREADS, {'agent': 'count'}, 201))['id']}"
        changed = await ada.call("PATCH", path, {"agent": "echo", "system": "Be brief."})
        assert (changed.body["agent"], changed.body["system"]) == ("echo", "Be brief.")
        said = await ada.post(f"{path}/messages", {"content": "hello"})
        assert (said["message"]["content"], said["message"]["agent"]) == ("echo: hello", "echo")
        refused = await ada.call("PATCH", path, {"agent": "nobody", "title": "x"})
        assert refused.status == 404
        assert "count, echo" in refused.body["detail"]
        changed = await ada.call("PATCH", path, {"agent": "count", "system": ""})
        assert (changed.body["agent"], changed.body["system"], changed.body["title"]) == ("count", "", "")
        assert (await ada.post(f"{path}/messages", {"content": "hello"}))["message"]["agent"] == "count"


async def test_threads_are_listed_changed_and_deleted(plain: System) -> None:
    await plain.ingress()
    async with client(plain) as ada:
        ids = [(await ada.post(THREADS, {"user_id": f"u{n % 2}"}, 201))["id"] for n in range(4)]
        await ada.post(f"{THREADS}/{ids[0]}/messages", {"content": "up", "wait": False}, 202)
        page = await ada.get(f"{THREADS}?limit=3")
        assert page["threads"][0]["id"] == ids[0]
        rest = await ada.get(f"{THREADS}?limit=3&cursor={page['next_cursor']}")
        assert {t["id"] for t in page["threads"] + rest["threads"]} == set(ids)
        assert {t["id"] for t in (await ada.get(f"{THREADS}?user_id=u1"))["threads"]} == {ids[1], ids[3]}
        changed = await ada.call("PATCH", f"{THREADS}/{ids[1]}", {"title": "New", "archived": True, "pinned": True})
        assert (changed.body["title"], changed.body["archived"], changed.body["pinned"]) == ("New", True, True)
        assert ids[1] not in {t["id"] for t in (await ada.get(THREADS))["threads"]}
        for query in ("archived=true", "archived=any&pinned=true"):
            assert [t["id"] for t in (await ada.get(f"{THREADS}?{query}"))["threads"]] == [ids[1]]
        assert (await ada.call("GET", f"{THREADS}?cursor=nonsense")).status == 422
        assert (await ada.call("PATCH", f"{THREADS}/{ids[1]}", {})).status == 422
        assert (await ada.call("DELETE", f"{THREADS}/{ids[0]}")).status == 204
        for method in ("GET", "DELETE"):
            assert (await ada.call(method, f"{THREADS}/{ids[0]}")).status == 404
        assert (await plain.queues()).events_waiting == 0


async def test_another_workspace_sees_nothing_of_it(plain: System) -> None:
    await plain.ingress()
    async with client(plain) as ada, client(plain, "other", "admin") as eve, client(plain, "default", "admin") as root:
        id = (await ada.post(THREADS, {"metadata": {"secret": 1}}, 201))["id"]
        await ada.post(f"{THREADS}/{id}/messages", {"content": "hello", "wait": False}, 202)
        calls: list[tuple[str, str, Any]] = [
            ("GET", f"{THREADS}/{id}", None), ("PATCH", f"{THREADS}/{id}", {"title": "mine"}),
            ("DELETE", f"{THREADS}/{id}", None), ("GET", f"{SESSIONS}/{id}", None),
            ("POST", f"{SESSIONS}/{id}/end", {}),
        ]  # fmt: skip
        for base in (THREADS, SESSIONS):
            calls += [
                ("GET", f"{base}/{id}/messages", None), ("POST", f"{base}/{id}/messages", {"content": "x"}),
                ("GET", f"{base}/{id}/stream", None), ("POST", f"{base}/{id}/cancel", {}),
            ]  # fmt: skip
        for stranger in (eve, root):
            for method, path, body in calls:
                for name in (path, path.replace(id, f"chat:acme:{id}")):
                    assert (await stranger.call(method, name, body)).status == 404, (method, name)
            assert (await stranger.get(THREADS))["threads"] == []
        assert (await ada.get(f"{THREADS}/{id}"))["title"] == ""


async def test_threads_of_webhooks_are_read_by_those_who_may(plain: System) -> None:
    await plain.ingress()
    await plain.worker("tests.acceptance.agents:echoes")
    receipt = await plain.deliver("standard", Standard().message("hi", thread="ticket-1"))
    await plain.quiet(1)
    async with client(plain, "default", "admin") as root, client(plain, "default") as ada:
        (thread,) = (await root.get(THREADS))["threads"]
        assert (thread["id"], thread["platform"]) == (receipt["thread"], "standard")
        assert [m["content"] for m in (await root.get(f"{THREADS}/{thread['id']}"))["messages"]] == ["hi", "echo: hi"]
        refused = await root.post(f"{THREADS}/{thread['id']}/messages", {"content": "x"}, 409)
        assert refused["type"].endswith("#read-only")
        assert (await ada.get(THREADS))["threads"] == []
        assert (await ada.call("GET", f"{THREADS}/{thread['id']}")).status == 404


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, ""),
    ({"content": " "}, ""),
    ({"content": "x" * 100_001}, "/content"),
    ({"content": "x", "stream": True, "wait": False}, ""),
    ({"content": "x", "arrival": "never"}, "/arrival"),
    ({"attachments": [{"type": "text", "name": "a", "text": "x" * 200_001}]}, "/attachments/0/text"),
    ({"attachments": [{"type": "json", "data": "x" * 65_536}]}, "/attachments/0/data"),
    (
        {"attachments": [{"type": "file", "name": "a", "content_type": "a/b", "data": "?"}]},
        "/attachments/0/data",
    ),
    ({"attachments": [{"type": "text", "name": "a", "text": "x"}] * 11}, "/attachments"),
]
"""Bodies of messages, and the place that the refusal names."""


async def test_what_is_too_long_or_makes_no_sense_is_told_with_its_place(plain: System) -> None:
    await plain.ingress()
    async with client(plain) as ada:
        path = f"{THREADS}/{(await ada.post(THREADS, status=201))['id']}"
        for body, at in WRONG:
            refused = await ada.post(f"{path}/messages", body, 422)
            assert [place["at"] for place in refused["errors"]] == [at], body


@pytest.mark.parametrize(("agent", "first"), [("interrupts", "one + two"), ("merges", "one")])
async def test_each_of_two_who_speak_at_once_hears_the_turn_that_answers_him(
    plain: System, agent: str, first: str
) -> None:
    await plain.ingress()
    await plain.worker(f"tests.acceptance.agents:{agent}")
    async with client(plain) as ada:
        path = f"{THREADS}/{(await ada.post(THREADS, status=201))['id']}"
        one = asyncio.create_task(ada.post(f"{path}/messages", {"content": "one"}, Idempotency_Key="one"))
        await plain.marked("one-1")
        two = asyncio.create_task(ada.post(f"{path}/messages", {"content": "two"}))
        three = asyncio.create_task(ada.post(f"{path}/messages", {"content": "one"}, Idempotency_Key="one"))
        await plain.release_once_waiting(2)
        assert (await one)["message"]["content"] == first
        assert (await two)["message"]["content"] == ("one + two" if first != "one" else "two")
        assert await three == await one
        assert await ada.post(f"{path}/messages", {"content": "one"}, Idempotency_Key="one") == await one
