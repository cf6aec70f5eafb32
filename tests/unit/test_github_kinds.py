"""What an agent does on GitHub besides commenting, and what it reads there: against the stand-in of GitHub."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from typing import Any, cast

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from answerback.errors import NotYet, Rejected
from answerback.events import Event
from answerback.http.platform import PlatformHttp
from answerback.outgoing import Button, ReplyContent, ReviewComment, Select
from answerback.platforms import ALWAYS, Delivery, NextPage, Place, Prepared, Sent, github
from answerback.platforms.github.api import GitHub
from answerback.platforms.github.app import App
from answerback.platforms.github.credential import Token
from answerback.replies import Reply, ReplyKind
from answerback.testing.standins import sender
from answerback.testing.standins.options import Options
from answerback.testing.standins.signatures import Delivery as SentDelivery
from tests.standins.bench import KEY, Bench, serve

PEOPLE = sender.GitHub(installation=77, app_id=1234)
_numbers = itertools.count()


class Site:
    """The stand-in, and our client of it."""

    def __init__(self, bench: Bench, client: GitHub, http: PlatformHttp) -> None:
        self.bench, self.client, self.http = bench, client, http

    async def post(self, reply: Reply) -> Sent:
        assert self.client.check(reply) == ""
        sent = await self.http.perform(self.client.post(reply))
        if isinstance(sent, Prepared):
            reply = msgspec.structs.replace(reply, prepared=sent.state)
            sent = await self.http.perform(self.client.post(reply))
        assert isinstance(sent, Sent)
        return sent

    async def find(self, reply: Reply) -> Sent | NextPage | None:
        return await self.http.perform(self.client.find(reply, await self.http.perform(self.client.whoami())))


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    http = PlatformHttp()
    async with serve(Options(github_app_key=pem)) as bench:
        api = f"{bench.url}/github"
        # The key as an object: reading it from a text takes longer than most of these tests.
        yield Site(bench, GitHub(App("1234", cast(str, KEY), api), api), http)
        await http.close()


def event_of(delivery: SentDelivery) -> Event:
    headers = {name.lower(): value for name, value in delivery.headers.items()}
    (event,) = github.parse(Delivery(headers, delivery.body))  # type: ignore[misc]
    assert isinstance(event, Event)
    return event


def reply(event: Event, kind: ReplyKind = "message", text: str = "", **content: Any) -> Reply:
    found = ReplyContent(**content) if content or kind != "message" else None
    key = f"{event.id}.{kind}{next(_numbers)}"
    return Reply(key=key, thread=event.thread, address=event.address, kind=kind, text=text, content=found)


PLACES = [
    PEOPLE.issue_comment(),
    PEOPLE.review_comment(comment=123),
    PEOPLE.discussion(),
    PEOPLE.discussion_comment(parent=45, comment=46),
]
NAMES = ["issue", "lines", "discussion", "thread in a discussion"]


@pytest.mark.parametrize("delivery", PLACES, ids=NAMES)
async def test_a_comment_of_ours_is_edited_and_deleted_as_often_as_it_is_asked_for(
    site: Site, delivery: SentDelivery
) -> None:
    await site.bench.standins.knows(delivery)
    event = event_of(delivery)
    sent = await site.post(reply(event, text="one"))
    edit = reply(event, "edit", "two", target=sent.message)
    assert site.client.repeat(edit).native == ALWAYS
    # Another worker has not seen the comment, and does not remember its node id.
    other = Site(site.bench, GitHub(site.client._calls.credential, site.client._calls.api), site.http)
    for worker in (site, other, other):
        assert (await worker.post(edit)).message == sent.message
    (posted,) = await site.bench.standins.messages("github")
    assert posted.body == f"two\n\n<!-- answerback:{edit.key} -->"
    delete = reply(event, "delete", target=sent.message)
    for worker in (site, other):
        await worker.post(delete)
    (posted,) = await site.bench.standins.messages("github")
    assert posted.deleted


async def test_what_is_not_ours_is_not_changed(site: Site) -> None:
    theirs = await site.bench.standins.say("github", number=7, body="theirs")
    event = event_of(PEOPLE.issue_comment())
    with pytest.raises((Rejected, NotYet), match="403"):
        await site.post(reply(event, "edit", "mine", target=f"issue_comment:{theirs['id']}"))
    assert "an issue" in site.client.check(reply(event, "edit", "mine", target="issue:7"))
    assert "no buttons" in site.client.check(
        reply(event, "edit", "x", target="issue_comment:1", actions=(Button("a"),))
    )


@pytest.mark.parametrize(
    ("delivery", "subject"),
    [
        (PEOPLE.issue(number=7), "issues/7"),
        (PEOPLE.issue_comment(comment=5), "issues/comments/5"),
        (PEOPLE.review_comment(comment=5), "pulls/comments/5"),
        (PEOPLE.pull_request(number=8), "issues/8"),
    ],
)
async def test_a_reaction_is_given_once_and_taken_back(site: Site, delivery: SentDelivery, subject: str) -> None:
    event = event_of(delivery)
    app = {"Authorization": await _token(site)}

    async def given() -> list[str]:
        found = await site.bench.ask("GET", f"/github/repos/acme/widgets/{subject}/reactions", headers=app)
        return [one["content"] for one in found[1]]

    for _ in range(2):
        await site.post(reply(event, "reaction", target=event.message, reaction="tada"))
    assert await given() == ["hooray"]
    for _ in range(2):
        await site.post(reply(event, "reaction", target=event.message, reaction="tada", removed=True))
    assert await given() == []


async def _token(site: Site) -> str:
    return await site.http.perform(site.client._calls.credential.authorization("acme/widgets", 77))


@pytest.mark.parametrize("delivery", [*PLACES[2:], PEOPLE.review()])
async def test_discussions_and_reviews_take_reactions_too(site: Site, delivery: SentDelivery) -> None:
    await site.bench.standins.knows(delivery)
    event = event_of(delivery)
    for removed in (False, False, True, True):
        await site.post(reply(event, "reaction", target=event.message, reaction="eyes", removed=removed))
    counts = (await site.bench.standins.counts())["github"]
    assert (counts["graphql/addReaction"], counts["graphql/removeReaction"]) == (2, 2)


def test_an_unknown_reaction_is_refused_with_those_that_there_are() -> None:
    client = GitHub(Token("t", "https://api.github.com"), "https://api.github.com")
    event = event_of(PEOPLE.issue_comment())
    assert "rocket" in client.check(reply(event, "reaction", target=event.message, reaction="shrug"))


async def test_a_review_is_one_message_with_suggestions_that_is_found_again(site: Site) -> None:
    event = event_of(PEOPLE.pull_request())
    fix = ReviewComment(path="src/widgets.py", line=4, text="Shorter:", suggestion="x = ```\n````")
    remark = ReviewComment(path="src/widgets.py", start=3, line=5, text="Why?")
    review = reply(event, "review", "Almost.", verdict="request_changes", comments=(fix, remark))
    assert site.client.repeat(review).then == "find"
    assert await site.find(review) is None
    sent = await site.post(review)
    assert await site.find(review) == sent
    assert await site.find(msgspec.structs.replace(review, key="another.0")) is None
    (asked,) = await site.bench.standins.requests("github", "pulls/create-review")
    content = msgspec.json.decode(asked.body)
    assert (content["event"], content["body"]) == (
        "REQUEST_CHANGES",
        f"Almost.\n\n<!-- answerback:{review.key} -->",
    )
    assert content["comments"][0]["body"] == "Shorter:\n\n`````suggestion\nx = ```\n````\n`````"
    assert (content["comments"][1]["start_line"], content["comments"][1]["side"]) == (3, "RIGHT")
    await site.post(reply(event, "edit", "Done.", target=sent.message))
    assert (await site.bench.bodies("github"))[0].startswith("Done.")


@pytest.mark.parametrize(
    ("comment", "words"),
    [
        ({"line": 0}, "begin with 1"),
        ({"path": ""}, "path"),
        ({"start": 4}, "before its last line"),
        ({"text": " "}, "neither"),
        ({"side": "LEFT", "suggestion": "x"}, "LEFT"),
        ({"text": "x" * 70_000}, "longer"),
    ],
)
def test_a_review_that_github_would_refuse_is_refused_before(comment: dict[str, Any], words: str) -> None:
    client = GitHub(Token("t", "https://api.github.com"), "https://api.github.com")
    event = event_of(PEOPLE.pull_request())
    whole: dict[str, Any] = {"path": "a.py", "line": 4, "text": "x", **comment}
    inline = ReviewComment(**whole)
    assert words in client.check(reply(event, "review", "x", comments=(inline,)))
    assert "text or a comment" in client.check(reply(event, "review"))
    assert "pull request" in client.check(reply(event_of(PEOPLE.issue()), "review", "x"))
    assert client.check(reply(event_of(PEOPLE.issue_comment(pull_request=True)), "review", "x")) == ""


async def test_a_review_of_a_line_that_did_not_change_is_a_dead_letter_that_says_so(site: Site) -> None:
    event = event_of(PEOPLE.pull_request())
    inline = ReviewComment(path="src/widgets.py", line=400, text="x")
    with pytest.raises(Rejected, match="a line that the diff does not have"):
        await site.post(reply(event, "review", "x", comments=(inline,)))


async def test_a_check_run_is_made_once_and_then_changed(site: Site) -> None:
    event = event_of(PEOPLE.pull_request())
    first = reply(event, "check", check="triage", state="in_progress")
    assert site.client.repeat(first).then == "find"
    prepared = await site.http.perform(site.client.post(first))
    assert isinstance(prepared, Prepared)
    first = msgspec.structs.replace(first, prepared=prepared.state)
    assert await site.find(first) is None
    sent = await site.http.perform(site.client.post(first))
    # Another run of that name, and new commits: it is found all the same.
    await site.post(reply(event, "check", check="triage", state="queued"))
    await site.bench.standins.change_subject("synchronize", subject="pull_request", number=8)
    assert await site.find(first) == sent
    button = Button("Fix it", name="fix", value="1")
    done = reply(
        event, "check", target=sent.message, check="triage", state="success", summary="*Good.*", actions=(button,)
    )
    assert site.client.repeat(done).native == ALWAYS
    for _ in range(2):
        assert (await site.post(done)).message == sent.message
    assert (await site.bench.bodies("github"))[0] == "triage: success\ntriage\n*Good.*"
    (asked, _) = await site.bench.standins.requests("github", "checks/update")
    assert msgspec.json.decode(asked.body)["actions"][0]["identifier"] == "fix=1"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"check": " "}, "needs a name"),
        ({"summary": "x" * 70_000}, "at most 65535"),
        ({"actions": (Button("a"),) * 4}, "at most 3"),
        ({"actions": (Button("x" * 21),)}, "at most 20"),
        ({"actions": (Button("a", value="x" * 20),)}, "together"),
        ({"actions": (Button("a", url="https://example.com"),)}, "a link"),
        ({"actions": (Button("a=b"),)}, '"="'),
        ({"actions": (Select("a", ()),)}, "no menus"),
    ],
)
async def test_a_check_run_that_github_would_refuse_is_refused_before(
    site: Site, content: dict[str, Any], words: str
) -> None:
    event = event_of(PEOPLE.pull_request())
    run = {"check": "triage", "state": "success"} | content
    assert words in site.client.check(reply(event, "check", **run))
    token = GitHub(Token("t", "https://api.github.com"), "https://api.github.com")
    assert "GitHub App" in token.check(reply(event, "check", **run))
    assert "pull request" in site.client.check(reply(event_of(PEOPLE.issue()), "check", **run))


@pytest.mark.parametrize("delivery", [*PLACES, PEOPLE.issue_changed("assigned"), PEOPLE.review()])
async def test_eyes_show_that_an_agent_is_at_work_and_then_how_it_ended(site: Site, delivery: SentDelivery) -> None:
    await site.bench.standins.knows(delivery)
    event = event_of(delivery)
    place = Place(thread=event.thread, address=event.address, message=event.message)
    presence = site.client.presence
    for _ in range(2):
        await site.http.perform(presence.working(place, "Searching…"))
    await site.http.perform(presence.idle(place, "failed"))
    asked = await site.bench.standins.requests("github")
    words = " ".join(one.body for one in asked)
    assert "eyes" in words.lower()
    assert "confused" in words.lower()
    assert site.client.presence.limits(place)


@pytest.mark.parametrize(
    ("delivery", "kind", "parent"),
    [
        (PEOPLE.issue_comment(comment=5), "issue", None),
        (PEOPLE.review_comment(comment=5, reply_to=123), "review", 123),
        (PEOPLE.discussion_comment(comment=5), "discussion", None),
    ],
)
async def test_what_was_said_before_is_read_newest_page_first(
    site: Site, delivery: SentDelivery, kind: str, parent: int | None
) -> None:
    event = event_of(delivery)
    number = event.address["number"]
    for n in range(105 if kind != "review" else 20):
        await site.bench.standins.say("github", kind=kind, number=number, body=f"n{n}", parent=parent, login="ada")
    await site.post(reply(event, text="ours"))
    await site.bench.standins.knows(delivery)
    await site.bench.standins.say("github", kind=kind, number=number, body="later", parent=parent)
    place = Place(thread=event.thread, address=event.address, message=event.message)
    seen, cursor = list[str](), ""
    while True:
        page = await site.http.perform(site.client.history.page(place, 100, cursor))
        seen = [*(one.text for one in page.messages), *seen]
        for one in page.messages:
            assert one.message.partition(":")[2].isdigit()
        if not page.cursor:
            break
        cursor = page.cursor
    count = 105 if kind != "review" else 20
    assert seen == [*(f"n{n}" for n in range(count)), "ours"]
    us = await site.http.perform(site.client.whoami())
    assert us.wrote(page.messages[-1].identities) is (cursor == "")


async def test_a_reply_is_streamed_into_one_comment(site: Site) -> None:
    event = event_of(PEOPLE.issue_comment())
    streaming = site.client.streaming
    draft = reply(event, text="One")
    begun = await site.http.perform(streaming.begin(draft, Place.of(event)))
    sent = Sent(begun.message, begun.url)
    assert await site.find(draft) == sent
    grown = msgspec.structs.replace(draft, text="One two", message=sent.message)
    await site.http.perform(streaming.append(grown, " two"))
    whole = msgspec.structs.replace(grown, text="One two three")
    for _ in range(2):
        assert (await site.http.perform(streaming.end(whole))).message == sent.message
    (posted,) = await site.bench.standins.messages("github")
    assert posted.body == f"One two three\n\n<!-- answerback:{draft.key} -->"


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize("where", ["issue_comment", "issue", "review_comment", "discussion_comment"])
async def test_an_image_is_downloaded_also_from_a_private_repository(site: Site, where: str, private: bool) -> None:
    url = await site.bench.standins.attach("a.png", b"\x89PNG", private=private)
    text = f"See ![shot]({url})"
    delivery = getattr(PEOPLE, where)(text)
    await site.bench.standins.knows(delivery)
    if where == "issue":
        await site.bench.standins.change_subject("set", number=7, body=text)
    (image,) = event_of(delivery).attachments
    assert await site.http.perform(site.client.fetch(image)) == b"\x89PNG"
    for asked in await site.bench.standins.requests("github", "attachments/download-signed"):
        assert asked.status == 200


async def test_a_private_file_needs_a_persons_token_and_says_so(site: Site) -> None:
    url = await site.bench.standins.attach("log.txt", b"trace", "text/plain", private=True)
    delivery = PEOPLE.issue_comment(f"[log]({url})")
    await site.bench.standins.knows(delivery)
    (file,) = event_of(delivery).attachments
    with pytest.raises(Rejected, match="only to people who are signed in"):
        await site.http.perform(site.client.fetch(file))
    api = f"{site.bench.url}/github"
    person = GitHub(Token("ghp_standin", api), api)
    assert await site.http.perform(person.fetch(file)) == b"trace"


async def test_a_credential_is_sent_to_githubs_own_pages_only(site: Site) -> None:
    (file,) = event_of(PEOPLE.issue_comment("https://evil.example/user-attachments/assets/1")).attachments
    with pytest.raises(Rejected, match="not a file of this GitHub"):
        await site.http.perform(site.client.fetch(file))
    with pytest.raises(Rejected, match="cannot be read"):
        await site.http.perform(site.client.fetch(msgspec.structs.replace(file, remote="{}")))


async def test_the_comments_of_a_review_are_read_as_a_text(site: Site) -> None:
    inline = {"path": "src/widgets.py", "line": 4, "body": "Why?"}
    headers = {"Authorization": "Bearer ghp_standin"}
    review = {"event": "COMMENT", "body": "Two things.", "comments": [inline, inline | {"line": 5, "start_line": 3}]}
    made = (await site.bench.ask("POST", "/github/repos/acme/widgets/pulls/8/reviews", json=review, headers=headers))[1]
    (comments,) = event_of(PEOPLE.review("Two things.", review=made["id"])).attachments
    found = (await site.http.perform(site.client.fetch(comments))).decode()
    assert found == "**src/widgets.py**, line 4:\n\nWhy?\n\n**src/widgets.py**, line 3-5:\n\nWhy?"


async def test_what_is_closed_to_us_is_a_dead_letter_that_says_what_to_do(site: Site) -> None:
    do = site.bench.standins.change_subject
    for action, words in (("locked", "unlock the conversation"), ("deleted", "drop the reply")):
        await do(action, number=7)
        with pytest.raises(Rejected, match=words):
            await site.post(reply(event_of(PEOPLE.issue_comment()), text="x"))
    await site.bench.standins.change_installation("suspended")
    with pytest.raises(Rejected, match="suspended"):
        await site.post(reply(event_of(PEOPLE.issue_comment(number=9)), text="x"))


def test_the_queries_are_those_of_githubs_own_schema() -> None:
    from answerback.platforms.github import discussions
    from tests.standins import schemas

    if not schemas.installed():
        pytest.skip("GitHub's schemas are not installed: make .venv/octokit.installed")
    queries = [value for name, value in vars(discussions).items() if name.isupper() and isinstance(value, str)]
    assert len(queries) == 8
    for query in queries:
        assert schemas.query_problems(query) == []
