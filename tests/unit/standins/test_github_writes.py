"""GitHub's stand-in: edits, deletions, reactions, reviews, check runs, attachments, what is closed to us."""

from __future__ import annotations

import re
from typing import Any

import pytest

from answerback.testing.standins.github.nodes import node_id
from answerback.testing.standins.github.payloads import DISCUSSIONS, repository_id
from answerback.testing.standins.options import Options
from tests.standins.bench import COMMENTS, GITHUB, TOKENS, Bench, Receiver, app_token, serve

REPO = "/github/repos/acme/widgets"
REPLIES = f"{REPO}/pulls/8/comments/123/replies"
DISCUSSION = node_id("D", repository_id("acme/widgets"), DISCUSSIONS + 9)
ADD = """mutation($d: ID!, $to: ID, $body: String!) {
  addDiscussionComment(input: {discussionId: $d, replyToId: $to, body: $body}) { comment { id databaseId body url } }
}"""


async def as_app(bench: Bench, installation: int = 77) -> dict[str, str]:
    url = f"/github/app/installations/{installation}/access_tokens"
    status, found, _ = await bench.ask("POST", url, headers=app_token())
    assert status == 201, found
    return {"Authorization": f"Bearer {found['token']}"}


@pytest.mark.parametrize(("where", "one"), [(COMMENTS, "issues"), (REPLIES, "pulls")])
async def test_a_comment_is_read_edited_and_deleted(bench: Bench, receiver: Receiver, where: str, one: str) -> None:
    made = await bench.comment("one", where)
    url = f"{REPO}/{one}/comments/{made['id']}"
    assert (await bench.ask("GET", url, headers=GITHUB))[1]["body"] == "one"
    status, found, _ = await bench.ask("PATCH", url, json={"body": "two"}, headers=GITHUB)
    assert (status, found["body"]) == (200, "two")
    assert found["id"] == made["id"]
    other = await as_app(bench)
    assert (await bench.ask("PATCH", url, json={"body": "three"}, headers=other))[0] == 403
    assert (await bench.ask("DELETE", url, headers=other))[0] == 403
    assert (await bench.ask("PATCH", url, json={"body": " "}, headers=GITHUB))[0] == 422
    assert (await bench.ask("DELETE", url, headers=GITHUB))[0] == 204
    for method, content in (("DELETE", None), ("PATCH", {"body": "four"}), ("GET", None)):
        assert (await bench.ask(method, url, json=content, headers=GITHUB))[0] == 404
    (posted,) = await bench.standins.messages("github")
    assert (posted.body, posted.edits, posted.deleted) == ("two", ["two"], True)
    await bench.standins.wait_for_deliveries(3)
    told = sorted(re.search(rb'"action":"(\w+)"', body)[1].decode() for _, _, body in receiver.got)  # type: ignore[index]
    assert told == ["created", "deleted", "edited"]
    assert any(b'"changes":{"body":{"from":"one"}}' in body for _, _, body in receiver.got)


async def test_a_comment_in_a_discussion_is_edited_hidden_and_deleted(bench: Bench, receiver: Receiver) -> None:
    made = (await bench.graphql(ADD, d=DISCUSSION, to=None, body="one"))["data"]["addDiscussionComment"]["comment"]
    update = "mutation($id: ID!) { updateDiscussionComment(input: {commentId: $id, body: %s}) { comment { id body } } }"
    found = (await bench.graphql(update % '"two"', id=made["id"]))["data"]
    assert found == {"updateDiscussionComment": {"comment": {"id": made["id"], "body": "two"}}}
    hide = """mutation($id: ID!) { minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) {
      minimizedComment { isMinimized minimizedReason } } }"""
    hidden = (await bench.graphql(hide, id=made["id"]))["data"]["minimizeComment"]["minimizedComment"]
    assert hidden == {"isMinimized": True, "minimizedReason": "outdated"}
    delete = "mutation($id: ID!) { deleteDiscussionComment(input: {id: $id}) { comment { id } } }"
    assert "errors" not in await bench.graphql(delete, id=made["id"])
    for again in (delete, update % '"three"', hide):
        assert (await bench.graphql(again, id=made["id"]))["errors"][0]["type"] == "NOT_FOUND"
    await bench.standins.wait_for_deliveries(3)
    assert {headers["x-github-event"] for _, headers, _ in receiver.got} == {"discussion_comment"}


async def test_comments_that_were_edited_since_are_listed(bench: Bench) -> None:
    old = await bench.standins.say("github", number=7, body="old", at=1_600_000_000, login="answerbot", user_id=90001)
    await bench.standins.say("github", number=7, body="older", at=1_500_000_000)
    url = f"{COMMENTS}?since=2024-01-01T00:00:00Z"
    assert (await bench.ask("GET", url, headers=GITHUB))[1] == []
    await bench.ask("PATCH", f"{REPO}/issues/comments/{old['id']}", json={"body": "new"}, headers=GITHUB)
    assert [one["body"] for one in (await bench.ask("GET", url, headers=GITHUB))[1]] == ["new"]


@pytest.mark.parametrize("subject", ["issues/7", "issues/comments/5", "pulls/comments/5"])
async def test_a_reaction_is_given_once_and_taken_back(bench: Bench, subject: str) -> None:
    url = f"{REPO}/{subject}/reactions"
    status, first, _ = await bench.ask("POST", url, json={"content": "eyes"}, headers=GITHUB)
    assert (status, first["content"]) == (201, "eyes")
    status, again, _ = await bench.ask("POST", url, json={"content": "eyes"}, headers=GITHUB)
    assert (status, again["id"]) == (200, first["id"])
    await bench.ask("POST", url, json={"content": "eyes"}, headers=await as_app(bench))
    assert len((await bench.ask("GET", f"{url}?content=eyes", headers=GITHUB))[1]) == 2
    assert (await bench.ask("POST", url, json={"content": "shrug"}, headers=GITHUB))[0] == 422
    assert (await bench.ask("DELETE", f"{url}/{first['id']}", headers=GITHUB))[0] == 204
    assert (await bench.ask("DELETE", f"{url}/{first['id']}", headers=GITHUB))[0] == 404
    assert [one["user"]["type"] for one in (await bench.ask("GET", url, headers=GITHUB))[1]] == ["Bot"]


async def test_a_discussion_takes_reactions_by_graphql(bench: Bench) -> None:
    react = """mutation($id: ID!) { addReaction(input: {subjectId: $id, content: EYES}) {
      reaction { databaseId content } subject { id } } }"""
    first, again = [(await bench.graphql(react, id=DISCUSSION))["data"]["addReaction"] for _ in range(2)]
    assert first == again
    assert first["subject"]["id"] == DISCUSSION
    read = """query($id: ID!) { node(id: $id) { ... on Discussion {
      reactionGroups { content viewerHasReacted reactors(first: 1) { totalCount } } } } }"""
    groups = (await bench.graphql(read, id=DISCUSSION))["data"]["node"]["reactionGroups"]
    assert [one["content"] for one in groups if one["viewerHasReacted"]] == ["EYES"]
    remove = "mutation($id: ID!) { removeReaction(input: {subjectId: $id, content: EYES}) { subject { id } } }"
    assert "errors" not in await bench.graphql(remove, id=DISCUSSION)
    assert "errors" in await bench.graphql(remove, id=DISCUSSION)


async def test_a_review_is_one_message_with_comments_on_lines_of_the_diff(bench: Bench, receiver: Receiver) -> None:
    url = f"{REPO}/pulls/8/reviews"
    good = {"path": "src/widgets.py", "line": 4, "side": "RIGHT", "body": "```suggestion\ndef quiet():\n```"}
    several = good | {"line": 5, "start_line": 3}
    review = {"event": "COMMENT", "body": "Two things.", "comments": [good, several]}
    status, made, _ = await bench.ask("POST", url, json=review, headers=GITHUB)
    assert (status, made["state"], made["body"]) == (200, "COMMENTED", "Two things.")
    inline = (await bench.ask("GET", f"{url}/{made['id']}/comments", headers=GITHUB))[1]
    assert [(one["line"], one["start_line"]) for one in inline] == [(4, None), (5, 3)]
    assert [one["id"] for one in (await bench.ask("GET", url, headers=GITHUB))[1]] == [made["id"]]
    for wrong in ({"line": 9}, {"path": "README.md"}, {"line": 5, "side": "LEFT"}, {"start_line": 4}):
        refused = {"event": "COMMENT", "body": "x", "comments": [good | wrong]}
        status, found, _ = await bench.ask("POST", url, json=refused, headers=GITHUB)
        assert (status, "could not be resolved" in found["errors"][0]) == (422, True)
    assert (await bench.ask("POST", url, json={"event": "COMMENT"}, headers=GITHUB))[0] == 422
    assert (await bench.ask("POST", url, json={"event": "APPROVE"}, headers=GITHUB))[0] == 200
    found = (await bench.ask("PUT", f"{url}/{made['id']}", json={"body": "Edited."}, headers=GITHUB))[1]
    assert found["body"] == "Edited."
    assert await bench.bodies("github") == ["Edited.", ""]
    await bench.standins.wait_for_deliveries(5)
    events = sorted(headers["x-github-event"] for _, headers, _ in receiver.got)
    assert events == ["pull_request_review"] * 3 + ["pull_request_review_comment"] * 2


async def test_only_an_app_runs_checks(bench: Bench) -> None:
    url, sha = f"{REPO}/check-runs", "a" * 40
    run: dict[str, Any] = {"name": "triage", "head_sha": sha, "status": "in_progress", "external_id": "t.1"}
    assert (await bench.ask("POST", url, json=run, headers=GITHUB))[0] == 403
    app = await as_app(bench)
    status, made, _ = await bench.ask("POST", url, json=run, headers=app)
    assert (status, made["status"], made["external_id"]) == (201, "in_progress", "t.1")
    await bench.ask("POST", url, json=run | {"external_id": "t.2"}, headers=app)
    listed = f"{REPO}/commits/{sha}/check-runs"
    found = [(await bench.ask("GET", f"{listed}?filter={which}", headers=app))[1] for which in ("latest", "all")]
    assert [(one["total_count"], one["check_runs"][0]["external_id"]) for one in found] == [(1, "t.2"), (2, "t.2")]
    output = {"title": "Done", "summary": "All good"}
    button = {"label": "Fix it", "description": "Apply the fix", "identifier": "fix"}
    done = {"conclusion": "success", "output": output, "actions": [button]}
    status, found, _ = await bench.ask("PATCH", f"{url}/{made['id']}", json=done, headers=app)
    assert (status, found["status"], found["conclusion"]) == (200, "completed", "success")
    too_much = [{"actions": [button] * 4}, {"actions": [button | {"label": "x" * 21}]}, {"status": "completed"}]
    for wrong in [*too_much, {"output": output | {"summary": "x" * 65_536}}]:
        assert (await bench.ask("PATCH", f"{url}/{made['id']}", json=wrong, headers=app))[0] == 422
    assert (await bench.bodies("github"))[0] == "triage: success\nDone\nAll good"


@pytest.mark.parametrize("private", [False, True])
async def test_a_private_attachment_needs_a_person_or_a_signed_address(bench: Bench, private: bool) -> None:
    image = await bench.standins.attach("a.png", b"\x89PNG", private=private)
    text = await bench.standins.attach("a.txt", b"hello", "text/plain", private=private)
    said = await bench.standins.say("github", number=7, body=f'![a]({image}) [a.txt]({text}) <img src="{image}">')
    app = await as_app(bench)

    async def fetch(url: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        """As a client that sends a credential only to the address that it was given."""
        async with bench.session.get(url, headers=headers, allow_redirects=False) as response:
            if response.status == 302:
                return await fetch(response.headers["Location"])
            return response.status, await response.read()

    refused = 404 if private else 200
    for url, content in ((image, b"\x89PNG"), (text, b"hello")):
        assert (await fetch(url))[0] == refused
        assert (await fetch(url, app))[0] == refused
        assert await fetch(url, GITHUB) == (200, content)
    full = app | {"Accept": "application/vnd.github.full+json"}
    found = (await bench.ask("GET", f"{REPO}/issues/comments/{said['id']}", headers=full))[1]
    signed = re.findall(r'<img src="([^"]+)"', found["body_html"])
    assert [await fetch(url) for url in signed] == [(200, b"\x89PNG")] * 2
    assert text in found["body_html"]
    assert (await fetch(signed[0], GITHUB))[0] == 400


async def test_what_is_locked_deleted_or_moved_takes_no_comment(bench: Bench) -> None:
    do, post = bench.standins.change_subject, {"json": {"body": "x"}, "headers": GITHUB}
    await do("locked", number=1)
    status, found, _ = await bench.ask("POST", f"{REPO}/issues/1/comments", **post)
    assert (status, found["message"]) == (403, "Unable to create comment because issue is locked.")
    await do("deleted", number=2)
    assert (await bench.ask("POST", f"{REPO}/issues/2/comments", **post))[0] == 410
    await do("transferred", number=3, to=("acme/gadgets", 4))
    assert (await bench.ask("POST", f"{REPO}/issues/3/comments", **post))[0] == 404
    found = (await bench.ask("GET", f"{REPO}/issues/3", headers=GITHUB))[1]
    assert (found["repository_url"][-13:], found["number"]) == ("/acme/gadgets", 4)
    await do("locked", number=9, subject="discussion")
    assert "locked" in (await bench.graphql(ADD, d=DISCUSSION, to=None, body="x"))["errors"][0]["message"]
    assert await bench.bodies() == []


async def test_pull_requests_files_and_people_are_read(bench: Bench) -> None:
    await bench.standins.change_subject("set", number=8, subject="pull_request", patches={"a.py": "@@ -0,0 +1 @@\n+x"})
    pull = (await bench.ask("GET", f"{REPO}/pulls/8", headers=GITHUB))[1]
    assert len(pull["head"]["sha"]) == 40
    files = (await bench.ask("GET", f"{REPO}/pulls/8/files", headers=GITHUB))[1]
    assert [(one["filename"], one["additions"]) for one in files] == [("a.py", 1)]
    assert (await bench.ask("GET", "/github/users/octocat", headers=GITHUB))[1]["id"] == 583231
    assert (await bench.ask("GET", "/github/users/nobody", headers=GITHUB))[0] == 404


async def test_a_suspended_or_deleted_installation_has_no_access(bench: Bench) -> None:
    app = await as_app(bench)
    await bench.standins.change_installation("suspended")
    status, found, _ = await bench.ask("POST", COMMENTS, json={"body": "x"}, headers=app)
    assert (status, found["message"]) == (403, "This installation has been suspended")
    assert (await bench.ask("POST", TOKENS.replace("55", "77"), headers=app_token()))[0] == 403
    assert (await bench.ask("GET", "/github/app/installations/77", headers=app_token()))[1]["suspended_at"]
    (listed,) = (await bench.ask("GET", "/github/app/installations", headers=app_token()))[1]
    assert (listed["id"], listed["account"]["login"], bool(listed["suspended_at"])) == (77, "acme", True)
    await bench.standins.change_installation("active")
    await bench.comment("back", headers=app)
    await bench.standins.change_installation("deleted")
    assert (await bench.ask("POST", COMMENTS, json={"body": "x"}, headers=app))[0] == 401
    assert (await bench.ask("POST", TOKENS.replace("55", "77"), headers=app_token()))[0] == 404


async def test_who_writes_too_much_is_asked_to_pause() -> None:
    async with serve(Options(github_content_per_minute=2)) as bench:
        made = await bench.comment("one")
        assert (await bench.ask("PATCH", f"{REPO}/issues/comments/{made['id']}", json={"body": "x"}, headers=GITHUB))[
            0
        ] == 200
        status, found, headers = await bench.ask("POST", COMMENTS, json={"body": "three"}, headers=GITHUB)
        assert (status, "secondary rate limit" in found["message"], "retry-after" in headers) == (403, True, False)
