"""The stand-ins behave as the platforms' documentation says, and go wrong exactly when they are told to."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from answerback.testing.standins import sender, signatures
from answerback.testing.standins.github.nodes import node_id, node_ids
from answerback.testing.standins.github.payloads import DISCUSSIONS, repository_id
from answerback.testing.standins.options import Options
from answerback.testing.standins.server import running
from tests.standins.client import StandIns

GITHUB = {"Authorization": "Bearer ghp_standin"}
SLACK = {"Authorization": "Bearer xoxb-standin"}
MODEL = {"Authorization": "Bearer sk-standin"}
COMMENTS = "/github/repos/acme/widgets/issues/7/comments"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
TOKENS = "/github/app/installations/55/access_tokens"
LOST = (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError)


class Bench:
    """Stand-ins in this process, and a client of the platforms they stand in for."""

    def __init__(self, url: str, options: Options, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.session = session
        self.standins = StandIns(url, options, session)

    async def ask(self, method: str, path: str, **how: Any) -> tuple[int, Any, dict[str, str]]:
        """Status, JSON and headers (in lower case) of an answer."""
        url = path if path.startswith("http") else self.url + path
        async with self.session.request(method, url, **how) as response:
            return response.status, await response.json(), {name.lower(): v for name, v in response.headers.items()}

    async def comment(self, body: str, path: str = COMMENTS, headers: dict[str, str] | None = None) -> Any:
        status, found, _ = await self.ask("POST", path, json={"body": body}, headers=headers or GITHUB)
        assert status == 201, found
        return found

    async def slack(self, method: str, **arguments: Any) -> Any:
        return (await self.ask("POST", f"/slack/{method}", json=arguments, headers=SLACK))[1]

    async def graphql(self, query: str, **variables: Any) -> Any:
        content = {"query": query, "variables": variables}
        return (await self.ask("POST", "/github/graphql", json=content, headers=GITHUB))[1]

    async def bodies(self, platform: str | None = None) -> list[str]:
        return [message.body for message in await self.standins.messages(platform)]


@asynccontextmanager
async def serve(options: Options) -> AsyncIterator[Bench]:
    async with running(options) as url, aiohttp.ClientSession() as session:
        yield Bench(url, options, session)


def app_token(key: rsa.RSAPrivateKey | None = None, algorithm: str = "RS256", **claims: Any) -> dict[str, str]:
    """What a GitHub App signs in with; any key is good where the stand-in was given none."""
    now = int(time.time())
    told = {"iat": now - 60, "exp": now + 480, "iss": "1234"} | claims
    signed = jwt.encode(told, key or KEY if algorithm == "RS256" else "a secret long enough for an HMAC", algorithm)
    return {"Authorization": f"Bearer {signed}"}


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with serve(Options()) as one:
        yield one


class Receiver:
    """Where webhooks arrive."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 202

    async def take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.got.append((request.path, headers, await request.read()))
        return web.Response(status=self.status)


@pytest.fixture
async def receiver(bench: Bench) -> AsyncIterator[Receiver]:
    found = Receiver()
    app = web.Application()
    app.router.add_post("/webhooks/{platform}", found.take)
    async with TestServer(app, host="127.0.0.1") as server:
        await bench.standins.send_webhooks_to(str(server.make_url("/webhooks/")) + "{platform}")
        yield found


async def test_a_comment_is_stored_with_ids_and_links_and_its_hidden_key(bench: Bench) -> None:
    first = await bench.comment("One.\n\n<!-- answerback:abc.1 -->")
    second = await bench.comment("Two.")
    assert first["id"] < second["id"]
    assert node_ids(first["node_id"]) == ("IC", [repository_id("acme/widgets"), first["id"]])
    assert first["node_id"].startswith("IC_kwDO")
    assert first["html_url"] == f"https://github.com/acme/widgets/issues/7#issuecomment-{first['id']}"
    assert first["user"]["login"] == "answerbot"
    posted = (await bench.standins.messages("github"))[0]
    assert (posted.thread, posted.key, posted.who) == ("acme/widgets#7", "abc.1", "answerbot")
    assert abs(posted.at - time.time() * 1000) < 10_000


async def test_nobody_comments_without_a_good_token(bench: Bench) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic ghp_standin"}):
        status, found, _ = await bench.ask("POST", COMMENTS, json={"body": "x"}, headers=headers)
        assert status == 401
        assert "message" in found
    assert await bench.bodies() == []


async def test_github_refuses_an_empty_a_missing_and_a_long_body(bench: Bench) -> None:
    for content in ({"body": " "}, {}, {"body": "x" * 65_537}):
        assert (await bench.ask("POST", COMMENTS, json=content, headers=GITHUB))[0] == 422
    assert (await bench.ask("POST", COMMENTS, data=b"{", headers=GITHUB))[0] == 400
    await bench.comment("x" * 65_536)


async def test_comments_are_listed_page_by_page_along_their_links(bench: Bench) -> None:
    for number in range(5):
        await bench.standins.say("github", number=7, body=f"old {number}", at=1_600_000_000)
    for number in range(5):
        await bench.comment(f"new {number}")
    url, seen, pages = f"{COMMENTS}?per_page=2&since=2024-01-01T00:00:00Z", [], 0
    while url:
        status, found, headers = await bench.ask("GET", url, headers=GITHUB)
        assert status == 200
        seen += [comment["body"] for comment in found]
        pages += 1
        following = re.search(r'<([^>]+)>; rel="next"', headers.get("link", ""))
        url = following[1] if following else ""
    assert (pages, seen) == (3, [f"new {number}" for number in range(5)])
    assert len((await bench.ask("GET", COMMENTS, headers=GITHUB))[1]) == 10


async def test_a_renamed_repository_redirects_and_keeps_its_comments(bench: Bench) -> None:
    await bench.comment("before")
    await bench.standins.rename_repository("acme/widgets", "acme/gadgets")
    where = {"allow_redirects": False, "headers": GITHUB}
    status, _, headers = await bench.ask("POST", COMMENTS, json={"body": "after"}, **where)
    assert status == 307
    await bench.comment("after", headers["location"])
    found = (await bench.ask("GET", "/github/repos/acme/gadgets/issues/7/comments", headers=GITHUB))[1]
    assert [comment["body"] for comment in found] == ["before", "after"]


async def test_a_review_thread_takes_replies_to_its_first_comment_only(bench: Bench) -> None:
    pull = "/github/repos/acme/widgets/pulls/8/comments"
    reply = await bench.comment("because", f"{pull}/123/replies")
    assert reply["in_reply_to_id"] == 123
    again = await bench.ask("POST", f"{pull}/{reply['id']}/replies", json={"body": "x"}, headers=GITHUB)
    assert again[0] == 422
    assert [one["id"] for one in (await bench.ask("GET", pull, headers=GITHUB))[1]] == [reply["id"]]
    assert (await bench.standins.messages())[0].thread == "acme/widgets#8/r123"


async def test_a_discussion_is_answered_and_read_with_graphql(bench: Bench) -> None:
    repo = repository_id("acme/widgets")
    discussion, top = node_id("D", repo, DISCUSSIONS + 9), node_id("DC", repo, 45)
    add = """mutation($d: ID!, $to: ID, $body: String!) {
      addDiscussionComment(input: {discussionId: $d, replyToId: $to, body: $body}) { comment { id databaseId url } }
    }"""
    said = [(await bench.graphql(add, d=discussion, to=None, body=f"n{n}"))["data"] for n in range(3)]
    below = (await bench.graphql(add, d=discussion, to=top, body="below"))["data"]["addDiscussionComment"]["comment"]
    parent = "query($id: ID!) { node(id: $id) { ... on DiscussionComment { id replyTo { id } } } }"
    assert (await bench.graphql(parent, id=below["id"]))["data"] == {
        "node": {"id": below["id"], "replyTo": {"id": top}}
    }
    again = await bench.graphql(add, d=discussion, to=below["id"], body="deeper")
    assert again["errors"][0]["message"] == "Parent comment is already in a thread, cannot reply to it"
    listing = """query($id: ID!, $before: String) { node(id: $id) {
      ...all
      ... on DiscussionComment { replies(first: 10) { totalCount nodes { body author { login } } } }
    } }
    fragment all on Discussion { page: comments(last: 2, before: $before) {
      nodes { id body } pageInfo { hasPreviousPage startCursor } } }"""
    page = (await bench.graphql(listing, id=discussion))["data"]["node"]["page"]
    assert [node["id"] for node in page["nodes"]] == [said[2]["addDiscussionComment"]["comment"]["id"], top]
    page = (await bench.graphql(listing, id=discussion, before=page["pageInfo"]["startCursor"]))["data"]["node"]["page"]
    assert [node["body"] for node in page["nodes"]] == ["n0", "n1"]
    assert page["pageInfo"]["hasPreviousPage"] is False
    replies = (await bench.graphql(listing, id=top))["data"]["node"]["replies"]
    assert replies == {"totalCount": 1, "nodes": [{"body": "below", "author": {"login": "answerbot"}}]}
    assert (await bench.standins.messages())[-1].thread == "acme/widgets#9/dc45"


async def test_what_a_webhook_told_of_is_there_to_be_asked_for(bench: Bench) -> None:
    people = sender.GitHub(repo="acme/other", login="ada", user_id=7)
    message = sender.Slack(channel="C1").message("hello", ts="1700000000.000100")
    told = people.discussion_comment("below", comment=46, parent=45), people.issue_comment("hi", number=3), message
    for _ in range(2):
        await bench.standins.knows(*told)
    repo = repository_id("acme/other")
    query = "query($id: ID!) { node(id: $id) { ... on DiscussionComment { body replyTo { id } author { login } } } }"
    node = (await bench.graphql(query, id=node_id("DC", repo, 46)))["data"]["node"]
    assert node == {"body": "below", "replyTo": {"id": node_id("DC", repo, 45)}, "author": {"login": "ada"}}
    found = (await bench.ask("GET", "/github/repos/acme/other/issues/3/comments", headers=GITHUB))[1]
    assert [one["user"]["login"] for one in found] == ["ada"]
    (parent,) = (await bench.slack("conversations.replies", channel="C1", ts="1700000000.000100"))["messages"]
    assert parent["text"] == "hello"
    assert await bench.bodies() == []


ADD = "mutation($d: ID!) { addDiscussionComment(input: {%s}) { comment { %s } } }"


@pytest.mark.parametrize(
    ("query", "why"),
    [
        (ADD % ('discussionId: $d, body: "x"', "nope"), "nope"),
        (ADD % ("discussionId: $d", "id"), "body"),
        (ADD % ('discussionId: "D_x", body: "x"', "id"), "D_x"),
        ("query($d: ID!) { node(id: $d) { ... on Discussion { comments { totalCount } } } }", "first"),
        ("query($d: ID!, $e: ID!) { node(id: $e) { id } }", "$e"),
        ("query { node(id: ", "Expected"),
    ],
)
async def test_a_wrong_graphql_document_says_so_and_does_nothing(bench: Bench, query: str, why: str) -> None:
    found = await bench.graphql(query, d=node_id("D", 1, DISCUSSIONS + 9))
    assert why in found["errors"][0]["message"]
    assert await bench.bodies() == []


async def test_an_app_signs_in_with_its_key_and_comments_as_a_bot() -> None:
    now = int(time.time())
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    wrong = [
        app_token(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        app_token(exp=now + 3600),
        app_token(iat=now + 300, exp=now + 301),
        app_token(exp=now - 1),
        app_token(iss="9"),
        app_token(algorithm="HS256"),
        {"Authorization": "Bearer not.a.token"},
        {},
    ]
    for key in (pem, public):
        async with serve(Options(github_app_key=key)) as bench:
            assert [(await bench.ask("POST", TOKENS, headers=one))[0] for one in wrong] == [401] * len(wrong)
            status, issued, _ = await bench.ask("POST", TOKENS, headers=app_token())
            assert status == 201
            assert issued["expires_at"].endswith("Z")
            app = (await bench.ask("GET", "/github/app", headers=app_token()))[1]
            assert (app["id"], app["slug"]) == (1234, "answerbot-app")
            where = "/github/repos/acme/widgets/installation"
            assert (await bench.ask("GET", where, headers=app_token()))[1]["id"] == 77
            as_bot = {"Authorization": f"token {issued['token']}"}
            comment = await bench.comment("I am a bot.", headers=as_bot)
            assert (comment["user"]["type"], comment["user"]["login"]) == ("Bot", "answerbot-app[bot]")
            assert comment["performed_via_github_app"]["id"] == 1234
            assert (await bench.ask("GET", "/github/user", headers=as_bot))[0] == 403


async def test_an_installation_token_expires() -> None:
    async with serve(Options(installation_token_seconds=-1)) as bench:
        token = (await bench.ask("POST", TOKENS, headers=app_token()))[1]["token"]
        with_it = {"Authorization": f"Bearer {token}"}
        assert (await bench.ask("POST", COMMENTS, json={"body": "x"}, headers=with_it))[0] == 401


async def test_slack_keeps_a_thread_with_its_metadata(bench: Bench) -> None:
    who = await bench.slack("auth.test")
    assert (who["ok"], who["user_id"], who["bot_id"]) == (True, "U0ANSWERBOT", "B0ANSWERBOT")
    where = {"channel": "C1", "thread_ts": "1700000000.000100"}
    for number in range(3):
        mark = {"event_type": "answerback_reply", "event_payload": {"key": f"abc.{number}"}}
        assert (await bench.slack("chat.postMessage", **where, text=f"r{number}", metadata=mark))["ok"]
    query = {"channel": "C1", "ts": "1700000000.000100", "include_all_metadata": "true", "limit": "2"}
    seen = []
    while True:
        _, page, _ = await bench.ask("GET", "/slack/conversations.replies", params=query, headers=SLACK)
        assert page["messages"][0]["ts"] == "1700000000.000100"
        seen += [message["metadata"]["event_payload"]["key"] for message in page["messages"][1:]]
        if not page["has_more"]:
            break
        query["cursor"] = page["response_metadata"]["next_cursor"]
    assert seen == ["abc.0", "abc.1", "abc.2"]
    plain = (await bench.slack("conversations.replies", channel="C1", ts="1700000000.000100"))["messages"]
    assert not any("metadata" in message for message in plain)
    posted = await bench.standins.messages("slack")
    assert (posted[0].thread, posted[0].key) == ("C1/1700000000.000100", "abc.0")
    assert sorted({one.id for one in posted}) == [one.id for one in posted]
    assert (await bench.slack("chat.update", channel="C1", ts=posted[0].id, text="better"))["ok"]
    assert (await bench.bodies("slack"))[0] == "better"


async def test_slack_says_no_with_status_200(bench: Bench) -> None:
    async def error(headers: dict[str, str], **content: Any) -> Any:
        status, found, _ = await bench.ask("POST", "/slack/chat.postMessage", json=content, headers=headers)
        assert (status, found["ok"]) == (200, False)
        return found["error"]

    assert await error({}, channel="C1", text="x") == "not_authed"
    assert await error({"Authorization": "Bearer x"}, channel="C1", text="x") == "invalid_auth"
    assert await error(SLACK, text="x") == "channel_not_found"
    assert await error(SLACK, channel="C1") == "no_text"
    assert await error(SLACK, channel="C1", markdown_text="x" * 12_001) == "msg_too_long"
    assert await error(SLACK, channel="C1", text="x", metadata={"key": "k"}) == "invalid_metadata_format"
    assert await bench.bodies() == []


async def test_a_standard_receiver_checks_signatures_and_drops_repeats(bench: Bench) -> None:
    made = sender.Standard().message("done", thread="t1", id="abc.1")
    for _ in range(2):
        assert (await bench.ask("POST", "/standard/replies", data=made.body, headers=made.headers))[0] == 200
    stale = sender.Standard().message("late", at=int(time.time()) - 600)
    forged = sender.Standard(secret="whsec_" + "A" * 32).message("forged")
    for wrong in (stale, forged, made._replace(body=made.body + b" ")):
        assert (await bench.ask("POST", "/standard", data=wrong.body, headers=wrong.headers))[0] == 401
    (posted,) = await bench.standins.messages("standard")
    assert (posted.key, posted.thread, posted.body, posted.repeats) == ("abc.1", "t1", "done", 1)


def test_signatures_are_those_of_the_documentation() -> None:
    assert signatures.github("It's a Secret to Everybody", b"Hello, World!").endswith("f4379c8b043e17")
    standard = signatures.standard(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert standard == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    slack = signatures.slack("8f742231b10e8888abcd99yyyzzz85a5", 1531420618, SLACK_EXAMPLE)
    assert slack == "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


SLACK_EXAMPLE = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
"""https://docs.slack.dev/authentication/verifying-requests-from-slack"""


async def think(bench: Bench, *messages: dict[str, Any], **more: Any) -> Any:
    tools = [{"type": "function", "function": {"name": "add", "parameters": {}}}]
    content = {"model": "m", "messages": list(messages), "tools": tools, **more}
    status, found, _ = await bench.ask("POST", "/model/v1/chat/completions", json=content, headers=MODEL)
    assert status == 200, found
    return found


async def test_the_model_echoes_and_calls_a_tool_and_quotes_its_result(bench: Bench) -> None:
    found = await think(bench, {"role": "user", "content": [{"type": "text", "text": "hello there"}]})
    assert found["choices"][0]["message"]["content"] == "You said: hello there"
    assert found["usage"] == {"prompt_tokens": 2, "completion_tokens": 4, "total_tokens": 6}
    user = {"role": "user", "content": 'Please use tool add {"a": {"b": "}"}} now'}
    found = await think(bench, user)
    (call,) = found["choices"][0]["message"]["tool_calls"]
    assert found["choices"][0]["finish_reason"] == "tool_calls"
    assert call["function"] == {"name": "add", "arguments": '{"a": {"b": "}"}}'}
    result = {"role": "tool", "tool_call_id": call["id"], "content": "42"}
    found = await think(bench, user, {"role": "assistant", "tool_calls": [call]}, result)
    assert found["choices"][0]["message"]["content"] == "add returned: 42"
    assert len(await bench.standins.requests("model")) == 3
    assert (await bench.ask("POST", "/model/v1/chat/completions", json={}))[0] == 401


async def test_the_model_streams_and_can_be_cut_off(bench: Bench) -> None:
    content = {"model": "m", "messages": [{"role": "user", "content": "write 3 words"}], "stream": True}
    content["stream_options"] = {"include_usage": True}
    url = f"{bench.url}/model/v1/chat/completions"
    async with bench.session.post(url, json=content, headers=MODEL) as response:
        lines = [line for line in (await response.text()).split("\n\n") if line]
    assert lines[-1] == "data: [DONE]"
    assert '"completion_tokens":3' in lines[-2]
    assert [part for part in ("word1", " word2", " word3") if any(f'"content":"{part}"' in line for line in lines)]
    await bench.standins.add_fault(platform="model", do="cut", chunks=2)
    with pytest.raises(LOST):
        async with bench.session.post(url, json=content, headers=MODEL) as response:
            await response.read()


@pytest.mark.parametrize(("do", "stored"), [("drop", []), ("drop-after", ["x"]), ("truncate", ["x"])])
async def test_a_lost_connection_tells_nothing_of_what_was_stored(bench: Bench, do: str, stored: list[str]) -> None:
    rule = await bench.standins.add_fault(platform="github", operation="issues/create-*", do=do, times=1)
    with pytest.raises(LOST):
        await bench.comment("x")
    assert await bench.bodies() == stored
    assert await bench.standins.fired(rule) == 1
    (lost,) = await bench.standins.requests("github")
    assert lost.fault == do
    await bench.comment("y")
    assert await bench.bodies() == [*stored, "y"]


async def test_a_stall_works_before_or_after_the_client_gave_up(bench: Bench) -> None:
    short = aiohttp.ClientTimeout(total=0.05)
    after = await bench.standins.add_fault(do="stall-after", seconds=30, times=1)
    with pytest.raises(asyncio.TimeoutError):
        await bench.ask("POST", COMMENTS, json={"body": "kept"}, headers=GITHUB, timeout=short)
    assert await bench.standins.fired(after) == 1
    assert await bench.bodies() == ["kept"]
    await bench.standins.add_fault(do="stall", seconds=0.1, times=1)
    with pytest.raises(asyncio.TimeoutError):
        await bench.ask("POST", COMMENTS, json={"body": "late"}, headers=GITHUB, timeout=short)
    assert await bench.bodies() == ["kept"]
    assert [one.body for one in await bench.standins.wait_for_messages(2)] == ["kept", "late"]


async def test_a_reset_ends_what_hangs_and_forgets_everything(bench: Bench) -> None:
    for do in ("hang", "stall"):
        rule = await bench.standins.add_fault(do=do, seconds=60)
        hanging = asyncio.create_task(bench.comment("never"))
        await bench.standins.wait_until_fired(rule)
        await bench.standins.reset()
        with pytest.raises(LOST):
            await hanging
    assert await bench.bodies() == []
    assert await bench.standins.faults() == []
    assert await bench.standins.counts() == {}


async def test_a_fault_answers_with_the_status_it_is_told(bench: Bench) -> None:
    await bench.standins.add_fault(
        platform="github", do="status", status=422, body={"message": "no"}, headers={"X-A": "b"}
    )
    status, found, headers = await bench.ask("POST", COMMENTS, json={"body": "x"}, headers=GITHUB)
    assert (status, found, headers["x-a"]) == (422, {"message": "no"}, "b")
    await bench.standins.add_fault(platform="slack", do="status", status=502, body="<html>Bad gateway</html>")
    async with bench.session.post(f"{bench.url}/slack/auth.test", headers=SLACK) as response:
        assert (response.status, await response.text()) == (502, "<html>Bad gateway</html>")


async def test_each_platform_limits_rates_in_its_own_way(bench: Bench) -> None:
    secondary = await bench.standins.add_fault(do="rate-limit", seconds=2)
    status, found, headers = await bench.ask("POST", COMMENTS, json={"body": "x"}, headers=GITHUB)
    assert (status, headers["retry-after"]) == (429, "2")
    assert "secondary rate limit" in found["message"]
    status, found, headers = await bench.ask("POST", "/slack/chat.postMessage", json={}, headers=SLACK)
    assert (status, found, headers["retry-after"]) == (429, {"ok": False, "error": "ratelimited"}, "2")
    assert (await bench.ask("POST", "/model/v1/chat/completions", json={}, headers=MODEL))[0] == 429
    assert (await bench.ask("POST", "/standard"))[2]["retry-after"] == "2"
    await bench.standins.remove_fault(secondary)
    await bench.standins.add_fault(do="rate-limit", limit="primary", seconds=60)
    status, _, headers = await bench.ask("POST", COMMENTS, json={"body": "x"}, headers=GITHUB)
    assert (status, headers["x-ratelimit-remaining"]) == (403, "0")
    assert 0 < int(headers["x-ratelimit-reset"]) - time.time() <= 61
    assert (await bench.graphql("{ viewer { login } }"))["errors"][0]["type"] == "RATE_LIMITED"


async def test_each_platform_refuses_for_a_moment_in_its_own_way(bench: Bench) -> None:
    await bench.standins.add_fault(do="refuse")
    said = [await bench.ask("POST", COMMENTS, json={"body": "x"}, headers=GITHUB) for _ in range(4)]
    assert [status for status, _, _ in said] == [404, 422, 401, 404]
    assert said[1][1]["errors"][0]["message"].startswith("Could not resolve to a node")
    assert (await bench.graphql("{ viewer { login } }"))["errors"][0]["type"] == "NOT_FOUND"
    found = (await bench.ask("POST", "/slack/chat.postMessage", json={}, headers=SLACK))[1]
    assert found == {"ok": False, "error": "channel_not_found"}
    assert [(await bench.ask("POST", "/standard"))[0] for _ in range(3)] == [404, 503, 409]


async def test_slack_takes_no_more_than_fifty_blocks_of_markdown(bench: Bench) -> None:
    for steps, ok in [(25, True), (26, False)]:
        said = {"channel": "C1", "markdown_text": "\n\n".join(f"## Step {n}\n\nDo it." for n in range(steps))}
        _, found, _ = await bench.ask("POST", "/slack/chat.postMessage", json=said, headers=SLACK)
        assert (found["ok"], found.get("error")) == (ok, None if ok else "invalid_blocks")


async def test_faults_count_and_roll_their_dice_the_same_way_each_time(bench: Bench) -> None:
    async def statuses(**rule: Any) -> list[int]:
        await bench.standins.reset()
        await bench.standins.add_fault(do="status", status=500, **rule)
        return [(await bench.ask("GET", "/github/user", headers=GITHUB))[0] for _ in range(12)]

    assert await statuses(after=2, times=3) == [200] * 2 + [500] * 3 + [200] * 7
    first = await statuses(probability=0.5, seed=4)
    assert {200, 500} == set(first)
    assert await statuses(probability=0.5, seed=4) == first
    assert await statuses(operation="issues/*") == [200] * 12
    assert await statuses(contains="GET /github/user") == [500] * 12
    fault = (await bench.standins.faults())[0]
    assert (fault.matched, fault.fired) == (12, 12)
    assert await bench.standins.counts() == {"github": {"users/get-authenticated": 12}}


async def test_a_rule_that_makes_no_sense_is_refused(bench: Bench) -> None:
    assert (await bench.ask("POST", "/_standin/faults", json=[{"do": "explode"}]))[0] == 400
    assert (await bench.ask("POST", "/_standin/faults", json=[{"do": "drop", "tims": 1}]))[0] == 400
    assert await bench.standins.faults() == []


async def test_our_own_messages_come_back_as_signed_webhooks(bench: Bench, receiver: Receiver) -> None:
    comment = await bench.comment("mine")
    posted = await bench.slack("chat.postMessage", channel="D1", text="mine too")
    assert [one["status"] for one in await bench.standins.wait_for_deliveries(2)] == ["OK", "OK"]
    (path, headers, body), (slack_path, slack_headers, slack_body) = sorted(receiver.got)
    assert (path, headers["x-github-event"]) == ("/webhooks/github", "issue_comment")
    assert headers["x-hub-signature-256"] == signatures.github(Options.github_secret, body)
    assert f'"id":{comment["id"]}'.encode() in body
    assert b'"type":"User"' in body
    assert slack_path == "/webhooks/slack"
    stamp = int(slack_headers["x-slack-request-timestamp"])
    assert slack_headers["x-slack-signature"] == signatures.slack(Options.slack_secret, stamp, slack_body)
    for part in (posted["ts"], "B0ANSWERBOT", '"channel_type":"im"'):
        assert part.encode() in slack_body


async def test_an_apps_comment_comes_back_as_the_bots(bench: Bench, receiver: Receiver) -> None:
    token = (await bench.ask("POST", TOKENS, headers=app_token()))[1]["token"]
    await bench.comment("mine", headers={"Authorization": f"Bearer {token}"})
    await bench.standins.wait_for_deliveries(1)
    ((_, headers, body),) = receiver.got
    assert headers["x-github-hook-installation-target-type"] == "integration"
    for part in (b'"installation":{"id":55', b'"type":"Bot"', b'"performed_via_github_app":{"id":1234'):
        assert part in body
    found = (await bench.ask("GET", "/github/app/hook/deliveries", headers=app_token()))[1]
    assert [one["guid"] for one in found] == [headers["x-github-delivery"]]


async def test_a_failed_delivery_is_listed_and_sent_again_on_request(bench: Bench, receiver: Receiver) -> None:
    hooks = (await bench.ask("GET", "/github/repos/acme/widgets/hooks", headers=GITHUB))[1]
    deliveries = f"/github/repos/acme/widgets/hooks/{hooks[0]['id']}/deliveries"
    lost = [sender.GitHub().issue_comment(f"lost {number}") for number in range(3)]
    for delivery in lost:
        await bench.standins.fail_delivery(delivery, 503)
    await bench.standins.fail_delivery(sender.GitHub(repo="acme/other").issue_comment("elsewhere"))
    status, found, headers = await bench.ask("GET", f"{deliveries}?per_page=2", headers=GITHUB)
    assert [one["guid"] for one in found] == [lost[2].id, lost[1].id]
    assert (status, found[0]["status_code"], found[0]["redelivery"]) == (200, 503, False)
    following = re.search(r'<([^>]+)>; rel="next"', headers["link"])
    assert following is not None
    (oldest,) = (await bench.ask("GET", following[1], headers=GITHUB))[1]
    assert oldest["guid"] == lost[0].id
    assert (await bench.ask("POST", f"{deliveries}/{oldest['id']}/attempts", headers=GITHUB))[0] == 202
    await bench.standins.wait_for_deliveries(5)
    ((_, sent, body),) = receiver.got
    assert (sent["x-github-delivery"], body) == (lost[0].id, lost[0].body)
    newest = (await bench.ask("GET", deliveries, headers=GITHUB))[1][0]
    assert (newest["guid"], newest["redelivery"], newest["status"]) == (lost[0].id, True, "OK")
    assert (await bench.ask("POST", f"{deliveries}/1/attempts", headers=GITHUB))[0] == 404


async def test_the_process_starts_on_a_free_port_and_stops(tmp_path: Path) -> None:
    async with StandIns.start(tmp_path, github_token="ghp_other") as standins:
        environment = standins.environment()
        assert environment["GITHUB_TOKEN"] == "ghp_other"
        async with aiohttp.ClientSession() as session:
            headers = {"Authorization": f"Bearer {environment['GITHUB_TOKEN']}"}
            async with session.get(f"{environment['GITHUB_API_URL']}/user", headers=headers) as response:
                assert (await response.json())["login"] == "answerbot"
        hang = await standins.add_fault(do="hang")
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.05)) as session:
            with pytest.raises(asyncio.TimeoutError):
                await session.get(f"{standins.url}/github/user")
        assert await standins.fired(hang) == 1
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(standins.url)
