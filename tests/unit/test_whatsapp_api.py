"""WhatsApp's outbound half: what is asked of the Graph API, and what its answers mean."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerback.errors import NotYet, RateLimited, Rejected, Unavailable
from answerback.events import Address
from answerback.messages import Attachment, Identity
from answerback.outgoing import Button, File, ReplyContent, Select, Template
from answerback.platforms import NATIVE, UNKNOWN, Place, Prepared, Rate, Response, Sent
from answerback.platforms.dialects import WHATSAPP, convert
from answerback.platforms.manifest import AppRequest
from answerback.platforms.whatsapp.api import WhatsApp
from answerback.platforms.whatsapp.manifest import APP
from answerback.platforms.whatsapp.settings import WhatsAppSettings
from answerback.platforms.whatsapp.statuses import callback_data
from answerback.replies import Reply
from tests.fixtures.exchanges import answer, run

API, NOW = "https://graph.test/v25.0", 1_764_547_200.0
THREAD = "whatsapp:106:US.1"
ADDRESS: Address = {"number": "106", "user": "US.1", "phone": "1650", "message": "wamid.in"}
POSTED = answer({"messaging_product": "whatsapp", "messages": [{"id": "wamid.out"}]})


def reply(text: str = "**Yes**", **fields: Any) -> Reply:
    given = {"address": ADDRESS, "at": int(NOW * 1000) - 60_000, **fields}
    return Reply(key="t.0", thread=THREAD, text=text, **given)


def client(template: str = "", **tokens: str) -> WhatsApp:
    own = WhatsAppSettings.model_validate({"WHATSAPP_TOKEN": "EAAall,107888=EAAother"})
    return WhatsApp(tokens or own.tokens, API, lambda: NOW, default_template=template)


def error(code: int, status: int = 400, **more: Any) -> Response:
    return answer(
        {"error": {"message": f"(#{code}) …", "code": code, "error_data": {"details": "why"}, **more}}, status
    )


def sent(done: Any) -> Any:
    return json.loads(done.requests[-1].body)


def test_a_text_goes_to_the_user_in_whatsapps_marks_and_carries_its_key() -> None:
    done = run(client().post(reply()), POSTED)
    (request,) = done.requests
    assert (done.value, request.url) == (Sent("wamid.out"), f"{API}/106/messages")
    assert request.headers["authorization"] == "Bearer EAAall"
    assert sent(done) == {
        "messaging_product": "whatsapp", "recipient_type": "individual", "to": "1650", "type": "text",
        "text": {"body": "*Yes*", "preview_url": False}, "biz_opaque_callback_data": f"answerback t.0 {THREAD}",
    }  # fmt: skip
    long = Reply(key="f" * 20 + ".12.345", thread=f"whatsapp:{'1' * 20}:CC.{'A' * 300}", text="")
    assert len(callback_data(long)) <= 512


def test_each_number_has_its_own_token_or_the_common_one() -> None:
    other = reply(address={"number": "107888", "user": "US.1"})
    done = run(client().post(other), POSTED)
    assert done.requests[0].headers["authorization"] == "Bearer EAAother"
    assert (sent(done)["recipient"], "to" in sent(done)) == ("US.1", False)
    with pytest.raises(Rejected, match="add 106=TOKEN to WHATSAPP_TOKEN"):
        run(client(**{"107888": "EAA"}).post(reply()))


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=300), st.integers(1, 60))
def test_every_part_fits_once_it_is_converted(text: str, times: int) -> None:
    for part in client().split(text * times):
        assert len(convert(part, WHATSAPP)) <= 4096


BUTTONS = (Button("Deploy", "1.4", "deploy"), Button("Cancel", name="cancel"))


@pytest.mark.parametrize(
    ("text", "actions", "kind"),
    [
        ("Deploy?", BUTTONS, "button"),
        ("word " * 400, BUTTONS, "list"),
        ("Which?", (Select("size", (("Small", "s"), ("Large", ""))),), "list"),
        ("Look", (Button("Open", url="https://example.com"),), "cta_url"),
    ],
)
def test_buttons_are_interactive_messages(text: str, actions: Any, kind: str) -> None:
    asked = reply(text, content=ReplyContent(actions=actions))
    assert client().check(asked) == ""
    message = sent(run(client().post(asked), POSTED))["interactive"]
    assert (message["type"], message["body"]["text"]) == (kind, text.strip())
    ids = [one["reply"]["id"] for one in message["action"].get("buttons", [])]
    assert ids == (['["t.0","deploy","1.4"]', '["t.0","cancel",""]'] if kind == "button" else [])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (ReplyContent(actions=tuple(Button(str(n), name=str(n)) for n in range(4))), "at most 3 buttons.*Select"),
        (ReplyContent(actions=(Button("x" * 21, name="x"),)), "21 characters; WhatsApp accepts 20"),
        (ReplyContent(actions=(Button("x", "v" * 300, "x"),)), "too long for WhatsApp"),
        (ReplyContent(actions=(Button("x", name="x", url="https://e.com"), Button("y", name="y"))), "only alone"),
        (ReplyContent(actions=(Select("s", (("a", "a"),)), Button("y", name="y"))), "one menu"),
        (ReplyContent(actions=(Select("s", tuple((str(n), "") for n in range(11))),)), "at most 10 options"),
        (ReplyContent(actions=(Select("s", (("x" * 25, ""),)),)), "accepts 24"),
        (ReplyContent(files=(File("a.zip", b"1", "application/zip", size=1),)), "no files of type application/zip"),
        (ReplyContent(files=(File("a.png", b"1", "image/png", size=6_000_000),)), "accepts 5000000"),
    ],
)
def test_what_whatsapp_would_refuse_is_refused_before(content: ReplyContent, words: str) -> None:
    assert re.search(words, client().check(reply(content=content)))


@pytest.mark.parametrize(("name", "shown"), [("eyes", "👀"), ("👍🏽", "👍🏽"), ("❤️", "❤️"), ("nope", ""), ("", "")])
def test_reactions_are_emojis_or_common_names_of_them(name: str, shown: str) -> None:
    reaction = reply("", kind="reaction", content=ReplyContent(target="wamid.in", reaction=name))
    assert (client().check(reaction) == "") == bool(shown)
    if shown:
        assert sent(run(client().post(reaction), POSTED))["reaction"] == {"message_id": "wamid.in", "emoji": shown}
    gone = reply("", kind="reaction", content=ReplyContent(target="wamid.in", reaction="eyes", removed=True))
    assert sent(run(client().post(gone), POSTED))["reaction"]["emoji"] == ""
    assert client().repeat(gone) == NATIVE


@pytest.mark.parametrize(
    ("name", "kind", "as_type", "message"),
    [
        ("a.png", "image/png", "image/png", {"id": "5"}),
        ("data.csv", "text/csv; charset=utf-8", "text/plain", {"id": "5", "filename": "data.csv"}),
        ("a.json", "application/json", "text/plain", {"id": "5", "filename": "a.json"}),
        ("a.mp3", "audio/mpeg", "audio/mpeg", {"id": "5"}),
    ],
)
def test_a_file_is_uploaded_and_then_shown(name: str, kind: str, as_type: str, message: Any) -> None:
    whole = reply("", content=ReplyContent(files=(File(name, b"data", kind, size=4),)))
    assert client().check(whole) == ""
    assert client().repeat(whole) == NATIVE
    done = run(client().post(whole), answer({"id": "5"}))
    assert done.value == Prepared("5")
    assert as_type.encode() in done.requests[0].body
    assert b"data" in done.requests[0].body
    ready = reply("", content=whole.content, prepared="5")
    assert client().repeat(ready) == UNKNOWN
    shown = sent(run(client().post(ready), POSTED))
    assert shown[shown["type"]] == message


def test_a_file_that_whatsapp_has_lost_is_uploaded_again() -> None:
    ready = reply("", content=ReplyContent(files=(File("a.png", b"1", "image/png", size=1),)), prepared="5")
    lost = error(100, message="Object with ID '5' is no valid media attachment")
    done = run(client().post(ready), lost, answer({"id": "6"}))
    assert done.value == Prepared("6")


@pytest.mark.parametrize(
    ("response", "scope", "seconds"),
    [
        (error(131056), "106:1650", 6),
        (error(130429, 429), "106", 2),
        (error(4, 400), "", 60),
        (error(80007, 400), "", 60),
        (answer(b"", 429, retry_after="7"), "", 7),
    ],
)
def test_rate_limits_have_buckets_of_their_own(response: Response, scope: str, seconds: float) -> None:
    with pytest.raises(RateLimited) as caught:
        run(client().post(reply(address={"number": "106", "phone": "1650"})), response)
    assert (caught.value.scope, caught.value.seconds) == (scope, seconds)
    with pytest.raises(RateLimited) as caught:
        run(client().post(reply(waits=2, address={"number": "106", "phone": "1650"})), error(131056))
    assert caught.value.seconds == 24
    assert client().limits(reply(), looking=False) == ["", "106", "106:US.1"]


@pytest.mark.parametrize(
    "code", [0, 10, 100, 190, 200, 299, 368, 131026, 131030, 131031, 131048, 131049, 131051, 131062]
)
def test_final_errors_say_what_to_do(code: int) -> None:
    with pytest.raises(Rejected) as caught:
        run(client().post(reply()), error(code, 401 if code == 190 else 400))
    assert str(code) in str(caught.value)
    assert " — " in str(caught.value)


@pytest.mark.parametrize(
    ("response", "unknown"),
    [
        (error(131016, 503), False),
        (error(131057, 503), False),
        (error(131000, 500), True),
        (error(1, 500), True),
        (error(99, 400, is_transient=True), True),
        (answer(b"<html>", 502), True),
        (answer({"messages": "?"}), True),
    ],
)
def test_failures_that_pass_are_tried_again(response: Response, unknown: bool) -> None:
    with pytest.raises(Unavailable) as caught:
        run(client().post(reply()), response)
    assert caught.value.unknown is unknown


def test_a_refusal_without_a_reason_is_tried_again_a_few_times() -> None:
    with pytest.raises(NotYet):
        run(client().post(reply()), answer(b"", 400))
    with pytest.raises(Rejected):
        run(client().post(reply(refusals=3)), answer(b"", 400))


def test_after_24_hours_a_template_carries_the_text() -> None:
    late = reply("One.\n\nTwo.", at=int(NOW * 1000) - 25 * 3_600_000)
    with pytest.raises(Rejected, match="set WHATSAPP_TEMPLATE"):
        run(client().post(late), error(131047))
    whole = client("answer_ready/en_US")
    message = sent(run(whole.post(late), POSTED))
    assert (message["type"], message["template"]["name"]) == ("template", "answer_ready")
    assert message["template"]["components"][0]["parameters"] == [{"type": "text", "text": "One. – Two."}]
    done = run(whole.post(reply()), error(131047), POSTED)
    assert [json.loads(request.body)["type"] for request in done.requests] == ["text", "template"]
    # It may be replayed once the user has written again.
    assert sent(run(whole.post(reply("word " * 300, at=1000)), POSTED))["type"] == "text"
    with pytest.raises(Rejected, match="does not fit into the template"):
        run(whole.post(reply("word " * 300, at=1000)), error(131047))
    with pytest.raises(Rejected, match="131047"):
        run(whole.post(reply(content=ReplyContent(actions=BUTTONS))), error(131047))


def test_a_template_of_the_agents_is_sent_when_a_text_may_not_be() -> None:
    own = Template("order_ready", "en_US", {"2": "bell\n\nred", "1": "Ada", "10": "!"}, header="42")
    actions = (Button("Fetch", value="42", name="fetch"), Button("Map", url="berlin"))
    told = reply(content=ReplyContent(actions=actions[:1], template=own))
    assert sent(run(client().post(told), POSTED))["type"] == "interactive"
    done = run(client().post(told), error(131047), POSTED)
    assert [json.loads(request.body)["type"] for request in done.requests] == ["interactive", "template"]
    late = reply(at=1000, content=ReplyContent(actions=actions, template=own))
    assert sent(run(client("answer_ready/en_US").post(late), POSTED))["template"] == {
        "name": "order_ready",
        "language": {"code": "en_US"},
        "components": [
            {"type": "header", "parameters": [{"type": "text", "text": "42"}]},
            {"type": "body", "parameters": [{"type": "text", "text": text} for text in ("Ada", "bell – red", "!")]},
            {
                "type": "button", "sub_type": "quick_reply", "index": "0",
                "parameters": [{"type": "payload", "payload": '["t.0","fetch","42"]'}],
            },
            {"type": "button", "sub_type": "url", "index": "1", "parameters": [{"type": "text", "text": "berlin"}]},
        ],
    }  # fmt: skip
    always = reply(content=ReplyContent(template=Template("a", "en", {"customer": "Ada"}, always=True)))
    [body] = sent(run(client().post(always), POSTED))["template"]["components"]
    assert body["parameters"] == [{"type": "text", "text": "Ada", "parameter_name": "customer"}]
    assert (
        "components"
        not in sent(run(client().post(reply(at=1000, content=ReplyContent(template=Template("a", "en")))), POSTED))[
            "template"
        ]
    )


@pytest.mark.parametrize(
    ("template", "words"),
    [
        (Template("Order", "en"), "lower-case letters"),
        (Template("order"), 'such as "en_US"'),
        (Template("order", "en", {"1": " "}), "is empty"),
        (Template("order", "en", header="x" * 901), "more than 900"),
    ],
)
def test_a_template_that_whatsapp_would_refuse_is_refused_in_the_turn(template: Template, words: str) -> None:
    assert words in client().check(reply(content=ReplyContent(template=template)))


def test_the_errors_of_templates_say_what_to_compare() -> None:
    for code in (132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016, 132018):
        with pytest.raises(Rejected, match=f"{code} .*WhatsApp Manager"):
            run(client("answer_ready/en_US").post(reply(at=1000)), error(code))


def test_a_file_of_a_message_is_read_with_the_token_at_metas_address_only() -> None:
    remote = Attachment(name="a.png", content_type="image/png", remote='{"media":"5","number":"107888"}')
    there = answer({"url": "https://lookaside.fbsbx.com/x?mid=5"})
    done = run(client().fetch(remote), there, answer(b"png"))
    assert done.value == b"png"
    assert [request.headers["authorization"] for request in done.requests] == ["Bearer EAAother"] * 2
    assert done.requests[0].url == f"{API}/5?phone_number_id=107888"
    for url in (
        "https://evil.example/x",
        "https://fbsbx.com.evil.example/",
        "http://lookaside.fbsbx.com/",
        "",
        "https://[",
    ):
        with pytest.raises(Rejected, match="not Meta's"):
            run(client().fetch(remote), answer({"url": url}))
    with pytest.raises(Rejected, match="9 bytes, of which 3"):
        run(client().fetch(remote), answer({"url": f"{API}/x", "file_size": 9}), answer(b"png"))
    with pytest.raises(Rejected, match="deleted"):
        run(client().fetch(remote), error(100, error_subcode=33, message="Unsupported get request: media"))


def test_it_types_and_marks_the_message_as_read() -> None:
    place = Place(thread=THREAD, address=ADDRESS, message="")
    shown = run(client().presence.working(place, "Searching…"), answer({"success": True}))
    assert sent(shown) == {
        "messaging_product": "whatsapp", "status": "read", "message_id": "wamid.in",
        "typing_indicator": {"type": "text"},
    }  # fmt: skip
    group = Place(thread=THREAD, address={"number": "106", "group": "G", "message": "wamid.in"})
    assert run(client().presence.working(group, "")).requests == []
    assert run(client().presence.idle(place, "completed")).requests == []


def test_who_we_are_and_what_we_may_do_is_asked_for_each_token() -> None:
    number = answer({"display_phone_number": "+1 555-078-3881", "verified_name": "Lucky Shrub", "id": "107888"})
    done = run(client().whoami(), answer({"id": "9", "name": "Bot"}), number)
    assert done.value == Identity(name="Bot, +1 555-078-3881 (Lucky Shrub)", marks=("phone:15550783881",))
    permissions = {"data": [{"permission": "whatsapp_business_messaging", "status": "granted"}]}
    more = {"data": [*permissions["data"], {"permission": "x", "status": "granted"}, {"permission": "y"}]}
    assert run(client().granted(), answer(more), answer(permissions)).value == frozenset(
        {"whatsapp_business_messaging"}
    )
    assert run(client().granted(), error(200)).value is None
    # One that is refused does not keep the others from working.
    done = run(client().whoami(), error(190, 401), number)
    assert done.value.marks == ("phone:15550783881",)
    with pytest.raises(Rejected, match="WHATSAPP_TOKEN"):
        run(client().whoami(), error(190, 401), error(190, 401))
    with pytest.raises(Rejected, match="create a new access token"):
        run(client(**{"": "EAA"}).whoami(), error(190, 401))


def test_replies_are_sent_as_fast_as_whatsapp_takes_them() -> None:
    of_user, of_number = client().rates(reply())
    assert (of_number.scope, of_user) == ("106", Rate("106:US.1", 6.0, 40))
    assert 1 / of_number.interval + of_number.burst <= 80
    slow = WhatsApp({"": "t"}, API, lambda: NOW, rate=1)
    assert slow.rates(reply())[1].burst == 1
    assert [rate.scope for rate in slow.rates(reply())] == list(slow.limits(reply(), looking=False))[:0:-1]


def test_the_manifest_lists_what_is_to_be_set_at_meta() -> None:
    document: Any = APP.document(AppRequest("Shop", "https://bot.example.com", frozenset()))
    assert document["webhook"]["callback_url"] == "https://bot.example.com/webhooks/whatsapp"
    assert "messages" in document["webhook"]["fields"]
    assert set(APP.grants(frozenset())) == set(document["system_user_token"]["permissions"])
    with pytest.raises(ValueError, match="--url"):
        APP.document(AppRequest("Shop", "", frozenset()))


def test_tokens_are_masked_without_their_number() -> None:
    own = WhatsAppSettings.model_validate({"WHATSAPP_TOKEN": "107888=EAAother", "WHATSAPP_VERIFY_TOKEN": "v"})
    assert {"EAAother", "v"} <= set(own.secret_values())
    for template in ("Name/en", "name", "a/b/c", "name/english"):
        with pytest.raises(ValueError, match="answer_ready/en_US"):
            WhatsAppSettings.model_validate({"WHATSAPP_TEMPLATE": template})
