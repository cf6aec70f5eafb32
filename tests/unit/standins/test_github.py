"""GitHub's stand-in: comments, review threads, discussions, apps and their tokens."""

from __future__ import annotations

import re
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from answerback.testing.standins import sender
from answerback.testing.standins.github.nodes import node_id, node_ids
from answerback.testing.standins.github.payloads import DISCUSSIONS, repository_id
from answerback.testing.standins.options import Options
from tests.standins.bench import COMMENTS, GITHUB, KEY, TOKENS, Bench, app_token, serve

ADD = "mutation($d: ID!) { addDiscussionComment(input: {%s}) { comment { %s } } }"


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
