"""What is asked of Telegram's Bot API, and what its responses mean."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerback.errors import DeliveryError, MessageGone, NotYet, RateLimited, Rejected, TooLong, Unavailable
from answerback.events import Address
from answerback.messages import Attachment, Identity
from answerback.outgoing import Button, File, ReplyContent, Select
from answerback.platforms import UNKNOWN, Answer, Place, Response, Sent, telegram
from answerback.platforms.dialects import utf16_units
from answerback.platforms.manifest import AppRequest
from answerback.platforms.reading import Poller
from answerback.platforms.telegram.api import Telegram
from answerback.platforms.telegram.keyboard import pressed
from answerback.replies import Reply
from answerback.settings import Settings
from tests.fixtures.exchanges import Done, answer, run

TOKEN, SECOND = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw", "110201544:BBHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
API = "https://api.telegram.org"
KEY = "0123456789abcdef0123.0"
GROUP: Address = {"chat": -1001, "group": 1, "message": 88}
US = Identity(name="@answerbot")

client = Telegram({"": TOKEN}, API, lambda: 1_740_823_300.0)
reply = partial(Reply, key=KEY, thread="telegram:0:7", address={"chat": 7}, at=1_740_823_201_000)


def ok(result: Any = True) -> Response:
    return answer({"ok": True, "result": result})


def refused(description: str, status: int = 400, **parameters: Any) -> Response:
    more = {"parameters": parameters} if parameters else {}
    return answer({"ok": False, "error_code": status, "description": description, **more}, status)


def posted(id: int = 55, chat: int = 7) -> Response:
    return ok({"message_id": id, "chat": {"id": chat, "type": "private"}, "date": 1})


def asked(done: Done[Any], number: int = 0) -> tuple[str, Any]:
    """The method and the arguments of a request."""
    request = done.requests[number]
    assert request.url.startswith(f"{API}/bot{TOKEN}/")
    return request.url.rpartition("/")[2], json.loads(request.body)


def test_replies_are_sent_as_fast_as_telegram_takes_them() -> None:
    private: Address = {"chat": 7}
    for place, a_minute in ((private, 63), (GROUP, 20)):
        chat, bot = client.rates(reply(text="a", address=place))
        assert [bot.scope, chat.scope] == list(client.limits(reply(text="a", address=place), looking=False))
        assert (60 / chat.interval + chat.burst <= a_minute, 1 / bot.interval + bot.burst <= 30) == (True, True)
    assert client.rates(reply(text="", kind="reaction")) == ()


def test_a_reply_is_html_without_previews() -> None:
    done = run(client.post(reply(text="# Oil\n\n**Use** `a<b` & [this](https://x.example)")), posted())
    assert done.value == Sent("55")
    assert asked(done) == (
        "sendMessage",
        {
            "chat_id": 7,
            "link_preview_options": {"is_disabled": True},
            "text": '<b>Oil</b>\n\n<b>Use</b> <code>a&lt;b</code> &amp; <a href="https://x.example">this</a>',
            "parse_mode": "HTML",
        },
    )


def test_in_a_group_the_first_part_refers_to_the_message() -> None:
    topic: Address = {**GROUP, "topic": 7}
    done = run(client.post(reply(text="a", address=topic, key=f"{KEY}.0")), posted(chat=-1001))
    # A reaction to it does not say in which topic it is.
    assert done.value == Sent("55", delivery="telegram:0:-1001:55")
    first = asked(done)[1]
    assert first["reply_parameters"] == {"message_id": 88, "allow_sending_without_reply": True}
    assert first["message_thread_id"] == 7
    later = asked(run(client.post(reply(text="b", address=topic, key=f"{KEY}.1")), posted(chat=-1001)))[1]
    assert "reply_parameters" not in later
    business = run(client.post(reply(text="c", address={"chat": 7, "business": "Fq2"})), posted())
    assert asked(business)[1]["business_connection_id"] == "Fq2"


def test_what_is_no_valid_html_for_telegram_goes_without_formatting() -> None:
    told = refused('Bad Request: can\'t parse entities: Unsupported start tag "x" at byte offset 3')
    done = run(client.post(reply(text="**a** <x>")), told, posted())
    assert asked(done, 1)[1]["text"] == "a <x>"
    assert "parse_mode" not in asked(done, 1)[1]
    edit = reply(text="**a**", kind="edit", content=ReplyContent(target="55"))
    assert asked(run(client.post(edit), told, ok()), 1)[1]["text"] == "a"


def test_a_reply_follows_a_group_that_has_moved() -> None:
    moved = refused("Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=-1002345678999)
    done = run(client.post(reply(text="a", address=GROUP)), moved, posted(3, -1002345678999))
    assert asked(done, 1)[1]["chat_id"] == -1002345678999
    assert "reply_parameters" not in asked(done, 1)[1]
    # The message is edited where it is.
    edit = reply(text="b", kind="edit", address=GROUP, content=ReplyContent(target=done.value.message))
    assert asked(run(client.post(edit), ok()))[1]["chat_id"] == -1002345678999


@pytest.mark.parametrize(
    ("response", "error", "words"),
    [
        (refused("Forbidden: bot was blocked by the user", 403), Rejected, "has blocked the bot"),
        (refused("Forbidden: bot was kicked from the supergroup chat", 403), Rejected, "invite it again"),
        (refused("Bad Request: message thread not found"), Rejected, "topic was deleted"),
        (refused("Bad Request: not enough rights to send text messages to the chat"), Rejected, "admin"),
        (refused("Bad Request: something new"), Rejected, "core.telegram.org"),
        (refused("Bad Request: chat not found"), NotYet, "never in it"),
        (refused("Unauthorized", 401), NotYet, "token was revoked"),
        (refused("Not Found", 404), NotYet, "no bot with this token"),
        (refused("Bad Request: message is too long"), TooLong, "too long"),
        (refused("Conflict: terminated by other getUpdates request", 409), Unavailable, "Conflict"),
        (answer(b"<html>", 502), Unavailable, "502"),
        (answer(b"<html>", 403), NotYet, "403"),
        (answer(b"", 200), Unavailable, "not Telegram's"),
        (answer(b'{"ok":true}', 200), Unavailable, "unreadable"),
    ],
)
def test_refusals_are_final_or_not_and_say_what_to_do(
    response: Response, error: type[DeliveryError], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        run(client.post(reply(text="a")), response)
    assert TOKEN not in str(caught.value)
    if error is Unavailable:
        assert caught.value.unknown == (response.status != 409)  # type: ignore[attr-defined]
    if error is NotYet:
        with pytest.raises(Rejected):
            run(client.post(reply(text="a", refusals=9)), response)


def test_a_rate_limit_is_the_chats() -> None:
    with pytest.raises(RateLimited) as caught:
        run(client.post(reply(text="a")), refused("Too Many Requests: retry after 7", 429, retry_after=7))
    assert (caught.value.seconds, caught.value.scope) == (7, "110201543:7")
    assert caught.value.scope in client.limits(reply(text="a"), looking=False)
    with pytest.raises(RateLimited) as caught:
        run(client.post(reply(text="a", waits=2)), answer(b"", 429))
    assert caught.value.seconds == 20


def test_a_lost_post_is_of_unknown_fate_and_a_lost_change_is_made_again() -> None:
    assert client.repeat(reply(text="a")) == UNKNOWN
    assert run(client.find(reply(text="a"), US)).value is None
    with pytest.raises(Unavailable) as caught:
        run(client.post(reply(text="a")), Unavailable("lost"))
    assert caught.value.unknown
    for kind in ("edit", "delete", "reaction"):
        assert client.repeat(reply(text="a", kind=kind)).native > 1e9


def test_changes_that_are_made_already_are_done() -> None:
    edit = reply(text="b", kind="edit", content=ReplyContent(target="55", actions=(Button("Yes"),)))
    done = run(client.post(edit), refused("Bad Request: message is not modified: specified new message content …"))
    assert done.value == Sent("55")
    assert asked(done)[0] == "editMessageText"
    gone = reply(text="", kind="delete", content=ReplyContent(target="55,56"))
    done = run(client.post(gone), ok(), refused("Bad Request: message to delete not found"))
    assert [asked(done, n)[1]["message_id"] for n in (0, 1)] == [55, 56]
    with pytest.raises(MessageGone):
        run(client.post(edit), refused("Bad Request: message to edit not found"))
    with pytest.raises(Rejected, match="no message"):
        run(client.post(reply(text="b", kind="edit", content=ReplyContent(target="F1"))))


def test_reactions_are_telegrams() -> None:
    eyes = reply(text="", kind="reaction", content=ReplyContent(target="5", reaction="eyes"))
    assert asked(run(client.post(eyes), ok())) == (
        "setMessageReaction",
        {"chat_id": 7, "message_id": 5, "reaction": [{"type": "emoji", "emoji": "👀"}]},
    )
    back = reply(text="", kind="reaction", content=ReplyContent(target="5", reaction="eyes", removed=True))
    assert asked(run(client.post(back), ok()))[1]["reaction"] == []
    assert client.check(eyes) == ""
    odd = reply(text="", kind="reaction", content=ReplyContent(target="5", reaction="octopus"))
    assert 'no reaction "octopus"' in client.check(odd)


def test_buttons_have_64_bytes_for_what_they_bring_back() -> None:
    menu = Select("size", (("Small", "s"), ("Large", "")))
    buttons = (Button("Yes", value="ja"), Button("No", name="n"), Button("Docs", url="https://x.example"), menu)
    full = reply(text="Deploy?", content=ReplyContent(actions=buttons))
    rows = asked(run(client.post(full), posted()))[1]["reply_markup"]["inline_keyboard"]
    assert [[each["text"] for each in row] for row in rows] == [["Yes", "No", "Docs"], ["Small"], ["Large"]]
    datas = [each["callback_data"] for row in rows for each in row if "callback_data" in each]
    assert all(len(data.encode()) <= 64 for data in datas)
    assert [pressed(data) for data in datas] == [
        (KEY, "", "ja", False), (KEY, "n", "", False), (KEY, "size", "s", True), (KEY, "size", "Large", True),
    ]  # fmt: skip
    assert client.check(full) == ""

    def problem(value: str) -> str:
        return client.check(reply(text="?", content=ReplyContent(actions=(Button("Yes", value=value),))))

    assert problem("x" * 39) == ""
    assert "too long by 1 bytes" in problem("x" * 40)
    assert "of which 39 are left" in problem("ü" * 20)
    many = reply(text="?", content=ReplyContent(actions=tuple(Button(str(n)) for n in range(101))))
    assert "at most 100" in client.check(many)


@given(st.text())
def test_any_data_of_a_button_is_understood(data: str) -> None:
    assert pressed(data).value == data or pressed(data).reply


def test_files_are_sent_in_one_request() -> None:
    picture, text = File("a.png", b"\x89PNG"), File('odd".txt', b"hi\r\n")
    one = run(client.post(reply(text="", content=ReplyContent(files=(picture,)))), posted())
    assert one.requests[0].url.endswith("/sendPhoto")
    assert b'name="photo"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n' in one.requests[0].body
    album = ok([{"message_id": 5, "chat": {"id": 7}}, {"message_id": 6, "chat": {"id": 7}}])
    two = run(client.post(reply(text="", content=ReplyContent(files=(picture, text)))), album)
    assert two.value == Sent("5,6")
    assert two.requests[0].url.endswith("/sendMediaGroup")
    assert b'"type":"document","media":"attach://file1"' in two.requests[0].body
    assert b'filename="odd_.txt"' in two.requests[0].body
    again = run(client.post(reply(text="", content=ReplyContent(files=(picture, text)))), album)
    assert again.requests == two.requests
    large = reply(text="", content=ReplyContent(files=(File("big.bin", size=60_000_000),)))
    assert "50 MB" in client.check(large)


@given(st.text(st.sampled_from("a <&*_`\n😀[](https://x)#-|1."), max_size=9000))
def test_every_part_fits_as_telegram_counts(text: str) -> None:
    for part in client.split(text):
        shown = asked(run(client.post(reply(text=part)), posted()))[1]["text"]
        visible = shown
        for tag in ("b", "i", "s", "code", "pre", "blockquote"):
            visible = visible.replace(f"<{tag}>", "").replace(f"</{tag}>", "")
        assert utf16_units(visible.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")) <= 4096 + 200 * (
            "<a " in visible or "<code class" in visible
        )
    assert client.split("x" * 4096) == ["x" * 4096]
    assert len(client.split("**" + "😀" * 2048 + "**")) == 1


def test_a_file_is_read_with_the_token_of_its_bot() -> None:
    two = Telegram({"": TOKEN, "110201544": SECOND}, API)
    attachment = Attachment(name="a.pdf", content_type="x/y", remote='{"file":"BQAC","bot":"110201544"}')
    found = run(two.fetch(attachment), ok({"file_path": "documents/file_1.pdf"}), answer(b"content"))
    assert found.value == b"content"
    assert found.requests[1].url == f"{API}/file/bot{SECOND}/documents/file_1.pdf"
    with pytest.raises(Rejected, match="20 MB"):
        run(two.fetch(attachment), refused("Bad Request: file is too big"))
    for path in ("../etc", "", "https://elsewhere"):
        with pytest.raises(Rejected):
            run(two.fetch(attachment), ok({"file_path": path}))
    with pytest.raises(Rejected):
        run(two.fetch(Attachment(name="a", content_type="x/y", remote="x")))


def test_several_bots_know_who_each_of_them_is() -> None:
    def me(id: int, name: str) -> Response:
        return ok({"id": id, "is_bot": True, "first_name": name, "username": name})

    assert run(client.whoami(), me(110201543, "AnswerBot")).value == Identity(
        name="@AnswerBot", mentions=("answerbot", "110201543"), marks=("user:110201543",)
    )
    two = Telegram({"": TOKEN, "110201544": SECOND}, API)
    both = run(two.whoami(), me(110201543, "alpha"), me(110201544, "beta")).value
    assert both.of("").mentions == ("alpha", "110201543")
    assert both.of("110201544").mentions == ("beta", "110201544")
    assert both.wrote(["user:110201544"])
    assert both.wrote(["user:110201543"])
    # A revoked token is no reason for the others to be silent.
    assert run(two.whoami(), refused("Unauthorized", 401), me(110201544, "beta")).value.name == "@beta"
    with pytest.raises(Rejected, match="all tokens"):
        run(two.whoami(), refused("Unauthorized", 401), refused("Unauthorized", 401))
    with pytest.raises(Rejected, match="token was revoked"):
        run(client.whoami(), refused("Unauthorized", 401))
    with pytest.raises(Rejected, match="add it to TELEGRAM_BOT_TOKEN"):
        run(two.post(reply(text="a", account="5")))
    assert two.limits(reply(text="a", account="110201544"), looking=False) == ["110201544", "110201544:7"]


def test_typing_and_what_is_shown_while_it_is_written() -> None:
    place = Place(thread="telegram:0:7", address={"chat": 7})
    assert asked(run(client.presence.working(place, "x"), ok())) == (
        "sendChatAction",
        {"chat_id": 7, "action": "typing"},
    )
    assert run(client.presence.idle(place, "completed")).requests == []
    streaming = client.streaming
    begun = run(streaming.begin(reply(text="a b"), place), posted()).value
    assert (begun.message, begun.open) == ("55", False)
    assert asked(run(streaming.end(reply(text="a b c", message="55")), ok()))[0] == "editMessageText"
    assert asked(run(streaming.end(reply(text="", message="55")), ok()))[0] == "deleteMessage"
    assert run(streaming.find(reply(text="a"), US)).value is None


# Without a public URL, and what an operator is told ----------------------------------------------------


def poller() -> Poller:
    settings = Settings.load({"TELEGRAM_BOT_TOKEN": f"{TOKEN},{SECOND}", "TELEGRAM_POLL": "true"})
    assert telegram.READER is not None
    assert telegram.READER.connections(settings) == ["updates", "110201544"]
    found = telegram.READER.reader(settings, "updates")
    assert isinstance(found, Poller)
    return found


def test_updates_are_asked_for_from_the_position_on() -> None:
    first = run(poller().poll(""), ok([{"update_id": 7, "message": {"text": "é"}}, {"update_id": 9}]))
    assert "offset" not in asked(first)[1]
    assert "message_reaction" in asked(first)[1]["allowed_updates"]
    assert [each.position for each in first.value] == ["8", "10"]
    assert first.value[0].delivery is not None
    assert first.value[0].delivery.query == ""
    assert asked(run(poller().poll("10"), ok([])))[1]["offset"] == 10
    press = Answer(b'{"method":"answerCallbackQuery","callback_query_id":"11"}')
    assert asked(run(poller().respond(press), ok())) == ("answerCallbackQuery", {"callback_query_id": "11"})
    assert run(poller().respond(Answer(b"x"))).requests == []


def test_a_webhook_in_the_way_is_said_in_words() -> None:
    conflict = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook"
    with pytest.raises(Rejected, match="unset TELEGRAM_POLL"):
        run(poller().poll(""), refused(conflict, 409))
    with pytest.raises(Unavailable):
        run(poller().poll(""), refused("Conflict: terminated by other getUpdates request", 409))
    with pytest.raises(Unavailable, match="without its id"):
        run(poller().poll(""), ok([{"x": 1}]))
    with pytest.raises(Rejected, match="deleteWebhook"):
        run(poller().probe(), ok({"url": "https://bot.example"}))
    assert run(poller().probe(), ok({"url": ""})).value is None


def test_check_is_told_what_telegram_says_of_the_webhook() -> None:
    info = {"url": "https://bot.example/webhooks/telegram", "pending_update_count": 120, "allowed_updates": []}
    failing = info | {"last_error_date": 1_740_823_290, "last_error_message": "Wrong response: 502 Bad Gateway"}
    found = run(client.concerns(), ok(failing)).value
    assert [word in each for word, each in zip(("120 updates", "502 Bad Gateway"), found, strict=True)] == [True, True]
    assert "no webhook is set" in run(client.concerns(), ok({"url": ""})).value[0]
    polls = Telegram({"": TOKEN}, API, lambda: 1_740_823_300.0, polls=True)
    assert "call deleteWebhook" in run(polls.concerns(), ok(info)).value[0]
    assert run(polls.granted()).value is None
    usual = run(client.granted(), ok(info)).value
    assert usual is not None
    assert "callback_query" in usual
    assert "message_reaction" not in usual
    assert run(client.granted(), ok({"url": ""})).value is None


def test_a_manifest_is_what_setwebhook_and_setmycommands_take() -> None:
    assert telegram.MANIFEST is not None
    app = AppRequest("Helpdesk", "https://bot.example", frozenset({"actions", "reactions"}), commands=("/deploy",))
    document: Any = telegram.MANIFEST.document(app)
    assert document["setWebhook"]["url"] == "https://bot.example/webhooks/telegram"
    assert {"message", "callback_query", "message_reaction"} <= set(document["setWebhook"]["allowed_updates"])
    assert document["setMyCommands"]["commands"] == [{"command": "deploy", "description": "Ask Helpdesk"}]
    for broken in (app._replace(url="http://x"), app._replace(commands=("/De-ploy",))):
        with pytest.raises(ValueError, match=r"https|command"):
            telegram.MANIFEST.document(broken)
    assert set(telegram.MANIFEST.grants(frozenset({"reactions"}))) >= {"message", "message_reaction"}


def test_a_token_has_an_id() -> None:
    with pytest.raises(Exception, match="TELEGRAM_BOT_TOKEN"):
        Settings.load({"TELEGRAM_BOT_TOKEN": "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"})
    assert TOKEN in set(Settings.load({"TELEGRAM_BOT_TOKEN": f"{TOKEN},{SECOND}"}).secret_values())
