"""Slack's outbound half beyond texts: buttons, files, edits, deletions, reactions."""

from __future__ import annotations

import json
import uuid
from typing import Any

import msgspec
import pytest

from answerback.errors import NotYet, RateLimited, Rejected, TooLong, Unavailable
from answerback.messages import Identity
from answerback.outgoing import Button, File, ReplyContent, Select
from answerback.platforms import FIND, NATIVE, Prepared, Response, Sent
from answerback.platforms.slack.api import Slack
from answerback.platforms.slack.blocks import key_of_block
from answerback.platforms.slack.metadata import client_message_id
from answerback.replies import Reply, ReplyKind
from tests.fixtures.exchanges import answer, run

API = "https://slack.com/api"
PLACE: dict[str, str | int] = {"team": "T1", "channel": "C1", "thread_ts": "1.2"}
CLIENT = Slack("xoxb-secret", API, lambda: 1_740_823_200.0)
POSTED = answer({"ok": True, "ts": "9.9"})
APPROVE = Button("Approve", value="42", name="approve", style="primary")
FILES = ReplyContent(files=(File("a.csv", b"1,2", "text/csv", "f", 3), File("b.txt", b"x", "text/plain", "g", 1)))


def reply(kind: ReplyKind = "message", text: str = "", prepared: str = "", refusals: int = 0, **content: Any) -> Reply:
    return Reply(
        key="turn.0", thread="slack:T1:C1:1.2", text=text, address=PLACE, kind=kind, prepared=prepared,
        content=ReplyContent(**content), refusals=refusals,
    )  # fmt: skip


def refused(error: str, **more: str) -> Response:
    return answer({"ok": False, "error": error, **more})


def body(request: Any) -> Any:
    return json.loads(request.body)


def test_buttons_and_menus_are_blocks_below_the_markdown() -> None:
    menu = Select("size", (("Small", "s"), ("Large", "")), placeholder="Size")
    link = Button("More", name="More", url="https://example.org")
    done = run(CLIENT.post(reply(text="**Deploy?** <!channel>", actions=(APPROVE, link, menu))), POSTED)
    (request,) = done.requests
    sent = body(request)
    assert sent["text"] == "**Deploy?** @channel"
    assert "markdown_text" not in sent
    assert sent["blocks"] == [
        {"type": "markdown", "text": "**Deploy?** @channel"},
        {
            "type": "actions",
            "block_id": "answerback:turn.0",
            "elements": [
                {"type": "button", "action_id": "approve", "value": "42", "style": "primary",
                 "text": {"type": "plain_text", "text": "Approve", "emoji": True}},
                {"type": "button", "action_id": "More", "url": "https://example.org",
                 "text": {"type": "plain_text", "text": "More", "emoji": True}},
                {"type": "static_select", "action_id": "size",
                 "placeholder": {"type": "plain_text", "text": "Size", "emoji": True},
                 "options": [{"text": {"type": "plain_text", "text": "Small", "emoji": True}, "value": "s"},
                             {"text": {"type": "plain_text", "text": "Large", "emoji": True}, "value": "Large"}]},
            ],
        },
    ]  # fmt: skip
    assert key_of_block(sent["blocks"][1]["block_id"]) == "turn.0"
    assert key_of_block("somebody's") == ""


def test_buttons_below_a_text_that_slack_does_not_format_stay() -> None:
    text = "a < b\n\n" + "word " * 1000
    done = run(CLIENT.post(reply(text=text, actions=(APPROVE,))), refused("invalid_blocks"), POSTED)
    plain = body(done.requests[1])["blocks"]
    assert [block["type"] for block in plain] == ["section", "section", "actions"]
    assert plain[0]["text"]["text"].startswith("a &lt; b")
    with pytest.raises(TooLong):
        run(CLIENT.post(reply(text=text, actions=(APPROVE,))), refused("invalid_blocks"), refused("msg_too_long"))


def test_the_message_id_is_a_uuid_made_of_the_key() -> None:
    ids = [client_message_id(key) for key in ("turn.0", "turn.0", "turn.1")]
    assert ids[0] == ids[1] != ids[2]
    assert uuid.UUID(ids[0]).version == 4


@pytest.mark.parametrize("error", ["duplicate_message_not_found", "duplicate_channel_not_found"])
def test_a_repeat_that_slack_cannot_find_has_an_unknown_outcome(error: str) -> None:
    with pytest.raises(Unavailable) as trouble:
        run(CLIENT.post(reply(text="hi")), refused(error))
    assert trouble.value.unknown


LIMITS = [
    ("at most 25 buttons", reply(actions=tuple(Button(f"b{n}", name=f"b{n}") for n in range(26)))),
    ("label of the button", reply(actions=(Button("b" * 76, name="b"),))),
    ("value of the button", reply(actions=(Button("b", value="v" * 2001, name="b"),))),
    ("has 256 characters; Slack accepts 255", reply(actions=(Button("b", name="n" * 256),))),
    ("at most 2000 options", reply(actions=(Select("s", tuple((f"o{n}", "v") for n in range(2001))),))),
    ("value of the option", reply(actions=(Select("s", (("o", "v" * 151),)),))),
    ("placeholder", reply(actions=(Select("s", (("o", "v"),), placeholder="p" * 151),))),
    ("name of an emoji", reply("reaction", reaction="👀", target="1.2")),
]


@pytest.mark.parametrize(("words", "wrong"), LIMITS, ids=[words for words, _ in LIMITS])
def test_what_exceeds_a_limit_is_named_before_it_is_sent(words: str, wrong: Reply) -> None:
    assert words in CLIENT.check(wrong)


def test_what_is_within_the_limits_is_not_refused() -> None:
    most = Button("b" * 75, value="v" * 2000, name="n" * 255, url=f"https://{'u' * 2992}")
    assert CLIENT.check(reply(actions=(most, *(Button("b", name=f"b{n}") for n in range(24))))) == ""
    assert CLIENT.check(reply("reaction", reaction="+1::skin-tone-2", target="1.2")) == ""


def test_an_edit_replaces_the_blocks() -> None:
    done = run(CLIENT.post(reply("edit", "new", target="9.9")), answer({"ok": True, "ts": "9.9"}))
    (request,) = done.requests
    assert request.url == f"{API}/chat.update"
    shown = [{"type": "markdown", "text": "new"}]
    assert body(request) == {"channel": "C1", "ts": "9.9", "text": "new", "blocks": shown}
    assert done.value == Sent("9.9")
    done = run(CLIENT.post(reply("edit", "new", target="9.9")), refused("invalid_blocks"), answer({"ok": True}))
    assert body(done.requests[1])["blocks"][0]["type"] == "section"


def test_a_deletion_of_what_is_gone_is_done() -> None:
    gone = refused("message_not_found")
    with pytest.raises(NotYet):
        run(CLIENT.post(reply("delete", target="9.9")), gone)
    done = run(CLIENT.post(reply("delete", target="9.9", refusals=1)), gone)
    assert (done.value, body(done.requests[0])) == (Sent("9.9"), {"channel": "C1", "ts": "9.9"})
    done = run(CLIENT.post(reply("delete", target="F1,F2")), answer({"ok": True}), refused("file_not_found"))
    assert [(request.url, body(request)["file"]) for request in done.requests] == [
        (f"{API}/files.delete", "F1"),
        (f"{API}/files.delete", "F2"),
    ]


@pytest.mark.parametrize(
    ("removed", "method", "done"), [(False, "add", "already_reacted"), (True, "remove", "no_reaction")]
)
def test_a_reaction_that_is_there_already_is_done(removed: bool, method: str, done: str) -> None:
    for response in (answer({"ok": True}), refused(done)):
        made = run(CLIENT.post(reply("reaction", target="1.2", reaction="eyes", removed=removed)), response)
        (request,) = made.requests
        assert request.url == f"{API}/reactions.{method}"
        assert body(request) == {"channel": "C1", "timestamp": "1.2", "name": "eyes"}


WORDS = [
    ("edit", "cant_update_message", "an app may edit only its own messages"),
    ("edit", "edit_window_closed", "post a new one"),
    ("edit", "missing_scope", "the token lacks a scope"),
    ("delete", "cant_delete_message", "an app may delete only its own messages"),
    ("reaction", "invalid_name", "have no emoji of this name"),
    ("reaction", "too_many_reactions", "as many reactions as Slack allows"),
    ("reaction", "is_archived", "the channel is archived"),
]


@pytest.mark.parametrize(("kind", "error", "words"), WORDS)
def test_a_change_that_is_refused_for_good_says_what_to_do(kind: ReplyKind, error: str, words: str) -> None:
    with pytest.raises(Rejected, match=words):
        run(CLIENT.post(reply(kind, "x", target="9.9", reaction="eyes")), refused(error))


def test_an_edit_of_a_deleted_message_is_a_dead_letter_in_words() -> None:
    with pytest.raises(Rejected, match="the message is gone"):
        run(CLIENT.post(reply("edit", "x", target="9.9", refusals=6)), refused("message_not_found"))


def test_each_method_has_its_own_limit() -> None:
    limited = answer({"ok": False, "error": "ratelimited"}, 429, retry_after="7")
    for kind, method in (("edit", "chat.update"), ("delete", "chat.delete"), ("reaction", "reactions.add")):
        change = reply(kind, "x", target="9.9", reaction="eyes")  # type: ignore[arg-type]
        with pytest.raises(RateLimited) as limit:
            run(CLIENT.post(change), limited)
        assert limit.value.scope == f"{method}:T1"
        assert CLIENT.limits(change, looking=False) == ["", f"{method}:T1"]
        assert CLIENT.repeat(change) == NATIVE


def test_files_are_uploaded_before_they_are_shared() -> None:
    whole = msgspec.structs.replace(reply(), content=FILES)
    assert CLIENT.repeat(whole) == NATIVE
    urls = [answer({"ok": True, "upload_url": f"https://files.test/{id}", "file_id": id}) for id in ("F1", "F2")]
    done = run(CLIENT.post(whole), urls[0], answer(b"OK - 3"), urls[1], answer(b"OK - 1"))
    assert done.value == Prepared("F1,F2")
    assert [request.method for request in done.requests] == ["GET", "POST", "GET", "POST"]
    assert done.requests[0].url == f"{API}/files.getUploadURLExternal?filename=a.csv&length=3"
    assert (done.requests[1].url, done.requests[1].body) == ("https://files.test/F1", b"1,2")
    assert "authorization" not in done.requests[1].headers

    prepared = msgspec.structs.replace(whole, prepared="F1,F2")
    assert CLIENT.repeat(prepared) == FIND
    scopes = [CLIENT.limits(each, looking=False) for each in (whole, prepared)]
    assert scopes == [["", "files.getUploadURLExternal:T1"], ["", "files.completeUploadExternal:T1"]]
    shared = answer({"ok": True, "files": [{"id": "F1", "permalink": "https://acme.slack.com/F1"}]})
    sent = run(CLIENT.post(prepared), shared)
    assert sent.value == Sent("F1,F2", "https://acme.slack.com/F1")
    assert body(sent.requests[0]) == {
        "files": [{"id": "F1", "title": "a.csv"}, {"id": "F2", "title": "b.txt"}],
        "channel_id": "C1",
        "thread_ts": "1.2",
    }


def test_an_upload_that_fails_had_no_effect() -> None:
    whole = msgspec.structs.replace(reply(), content=FILES)
    url = answer({"ok": True, "upload_url": "https://files.test/F1", "file_id": "F1"})
    lost: list[Response | Exception] = [Unavailable("gone"), answer(b"", 500), answer(b"", 404)]
    for failure in lost:
        with pytest.raises(Unavailable) as trouble:
            run(CLIENT.post(whole), url, failure)
        assert not trouble.value.unknown
    with pytest.raises(Rejected, match="too large"):
        run(CLIENT.post(whole), url, answer(b"", 413))


def test_files_that_slack_has_lost_are_uploaded_again() -> None:
    prepared = msgspec.structs.replace(reply(), content=FILES, prepared="F1,F2")
    urls = [answer({"ok": True, "upload_url": f"https://files.test/{id}", "file_id": id}) for id in ("F3", "F4")]
    done = run(CLIENT.post(prepared), refused("file_not_found"), urls[0], answer(b""), urls[1], answer(b""))
    assert done.value == Prepared("F3,F4")


@pytest.mark.parametrize(
    ("found", "value"),
    [
        (refused("file_not_found"), None),
        (answer({"ok": True, "file": {"id": "F1", "shares": {}, "channels": []}}), None),
        (answer({"ok": True, "file": {"id": "F1", "shares": {"public": {"C2": [{"ts": "1.1"}]}}}}), None),
        (answer({"ok": True, "file": {"id": "F1", "shares": {"private": {"C1": [{"ts": "1.1"}]}}}}), Sent("F1,F2")),
        (answer({"ok": True, "file": {"id": "F1", "groups": ["C1"], "permalink": "u"}}), Sent("F1,F2", "u")),
    ],
)
def test_files_are_found_by_their_ids(found: Response, value: Sent | None) -> None:
    prepared = msgspec.structs.replace(reply(), content=FILES, prepared="F1,F2")
    done = run(CLIENT.find(prepared, Identity(name="us")), found)
    assert (done.value, done.requests[0].url) == (value, f"{API}/files.info?file=F1")
    assert CLIENT.limits(prepared, looking=True) == ["", "files.info:T1"]
