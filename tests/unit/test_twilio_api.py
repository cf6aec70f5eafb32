"""Replies by Twilio's API: what is asked, and what is made of the responses."""

from __future__ import annotations

import base64
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest
from pydantic import ValidationError

from answerback.errors import RateLimited, Rejected, TooLong, Unavailable
from answerback.events import Address
from answerback.messages import Attachment, Identity
from answerback.outgoing import Button, File, ReplyContent, Template
from answerback.platforms import FIND, NextPage, Place, Rate, Request, Sent
from answerback.platforms.dialects.sms import cheaper, segments
from answerback.platforms.twilio.api import Twilio
from answerback.platforms.twilio.dialect import LIMIT, split, written
from answerback.platforms.twilio.settings import Credential, TwilioSettings
from answerback.replies import Reply
from answerback.sealing import Seal
from answerback.settings import Settings
from answerback.shared_files import SharedFiles
from tests.fixtures.exchanges import answer, run

ACCOUNT, OTHER = "AC0123456789abcdef0123456789abcdef", "AC" + "f" * 32
NOW = 1_764_547_200.0
API = "https://api.twilio.com"
ME = Identity(name="us")
SMS: Address = {"account": ACCOUNT, "ours": "+15005550006", "theirs": "+14155550100"}
WHATSAPP: Address = {"account": ACCOUNT, "ours": "whatsapp:+14155238886", "theirs": "whatsapp:+14155550100"}
SERVICE: Address = {**SMS, "service": "MGfedcba9876543210fedcba9876543210"}


def client(**more: Any) -> Twilio:
    credentials = {ACCOUNT: Credential(ACCOUNT, "token"), OTHER: Credential("SK1", "secret")}
    return Twilio(credentials, API, clock=lambda: NOW, **more)


def reply(text: str = "Hello", address: Address = SMS, **more: Any) -> Reply:
    thread = f"twilio:{address['account']}:{address['ours']}:{address['theirs']}"
    told: dict[str, Any] = {"key": "abc.0", "text": text, "address": address, "first": int(NOW * 1000)}
    return Reply(thread=thread, **told | more)


def form(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True))


def made(
    body: str = "Hello", sid: str = "SM1", at: float = NOW, sender: str = "+15005550006", **more: Any
) -> dict[str, Any]:
    """A message as Twilio lists it."""
    created = {"date_created": formatdate(at), "direction": "outbound-api", "status": "sent", "error_code": None}
    return {"sid": sid, "body": body, "from": sender, **created, **more}


def refused(code: int, status: int = 400, **headers: str) -> Any:
    return answer({"code": code, "message": "No.", "status": status}, status, **headers)


def test_a_reply_goes_from_the_number_that_was_written_to() -> None:
    done = run(client(webhook="https://bot.example/webhooks/twilio").post(reply("**Hello**")), answer(made(), 201))
    assert done.value == Sent("SM1")
    [request] = done.requests
    assert request.url == f"{API}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    assert request.headers["authorization"] == "Basic " + base64.b64encode(f"{ACCOUNT}:token".encode()).decode()
    callback = form(request).pop("StatusCallback")
    assert callback == (
        f"https://bot.example/webhooks/twilio?reply=abc.0&thread=twilio:{ACCOUNT}:%2B15005550006:%2B14155550100"
    )
    assert form(request) | {"StatusCallback": ""} == {
        "To": "+14155550100", "From": "+15005550006", "Body": "Hello", "StatusCallback": "",
    }  # fmt: skip


def test_each_account_has_its_credential_and_the_first_one_stands_for_others() -> None:
    for account, user in ((ACCOUNT, ACCOUNT), (OTHER, "SK1"), ("AC" + "0" * 32, ACCOUNT)):
        [request] = run(client().post(reply(address={**SMS, "account": account})), answer(made(), 201)).requests
        assert account in request.url
        assert base64.b64decode(request.headers["authorization"].split()[1]).decode().startswith(f"{user}:")
        assert "StatusCallback" not in form(request)


def test_a_messaging_service_is_named_with_its_number() -> None:
    [request] = run(client().post(reply(address=SERVICE)), answer(made(), 201)).requests
    assert form(request)["MessagingServiceSid"] == SERVICE["service"]
    assert form(request)["From"] == SERVICE["ours"]


def test_whatsapp_takes_a_template_when_a_day_has_passed() -> None:
    template, day = "HX" + "0" * 32, 86_400_000
    told = client(template=template)
    late = reply("**Yes**:\n\nall", WHATSAPP, stored=int(NOW * 1000) - day)
    [request] = run(told.post(late), answer(made(), 201)).requests
    assert form(request)["ContentSid"] == template
    assert form(request)["ContentVariables"] == '{"1": "*Yes*: all"}'
    assert "Body" not in form(request)
    listed = made("You asked: *Yes*: all. Ask on!", sender=str(WHATSAPP["ours"]))
    found = run(told.find(late, ME), answer({"messages": [listed]})).value
    assert found == Sent("SM1")
    for other in (reply("a", WHATSAPP, stored=int(NOW * 1000) - day // 2), reply("a", stored=int(NOW * 1000) - day)):
        assert form(run(told.post(other), answer(made(), 201)).requests[0])["Body"] == "a"


def test_a_template_of_the_agents_is_sent_when_a_text_may_not_be() -> None:
    own = Template("HX" + "a" * 32, values={"1": "Ada", "what": "bell\nred"})
    content = ReplyContent(template=own)
    assert (
        form(run(client().post(reply("a", WHATSAPP, content=content)), answer(made(), 201)).requests[0])["Body"] == "a"
    )
    late = reply("a", WHATSAPP, content=content, stored=1000)
    [request] = run(client(template="HX" + "0" * 32).post(late), answer(made(), 201)).requests
    assert (form(request)["ContentSid"], form(request)["ContentVariables"]) == (
        own.name,
        '{"1": "Ada", "what": "bell red"}',
    )
    listed = [
        made("Hello Ada", "SM1", sender=str(WHATSAPP["ours"])),
        made("Ada: bell red", "SM2", sender=str(WHATSAPP["ours"])),
    ]
    assert run(client().find(late, ME), answer({"messages": listed})).value == Sent("SM2")
    same = reply("a", WHATSAPP, content=ReplyContent(template=Template(own.name)), stored=1000)
    assert run(client().find(same, ME), answer({"messages": listed})).value is None
    assert "ContentVariables" not in form(run(client().post(same), answer(made(), 201)).requests[0])
    assert (
        form(run(client().post(reply("a", content=content, stored=1000)), answer(made(), 201)).requests[0])["Body"]
        == "a"
    )
    assert client().check(late) == ""
    named = ReplyContent(template=Template("order_ready", "en_US"))
    assert "its SID" in client().check(reply("a", WHATSAPP, content=named))
    assert client().check(reply("a", content=named)) == "", "a text is sent there"


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        (21610, 400, "opted out (STOP)"),
        (21211, 400, "phone number"),
        (63016, 400, "24 hours"),
        (20404, 404, "does not exist"),
        (99999, 400, "No. (99999, https://www.twilio.com/docs/api/errors/99999)"),
    ],
)
def test_final_refusals_say_what_to_do(code: int, status: int, words: str) -> None:
    with pytest.raises(Rejected) as caught:
        run(client().post(reply()), refused(code, status))
    assert words in str(caught.value)
    assert str(code) in str(caught.value)


def test_what_may_pass_is_tried_again() -> None:
    for code, status, scope in ((20429, 429, ACCOUNT), (14107, 429, f"{ACCOUNT}:+15005550006"), (21611, 400, None)):
        with pytest.raises(RateLimited) as limited:
            run(client().post(reply(waits=2)), refused(code, status))
        assert limited.value.scope == (scope or f"{ACCOUNT}:+15005550006")
        assert limited.value.seconds == 8
        assert limited.value.scope in client().limits(reply(), looking=False)
    with pytest.raises(RateLimited) as asked:
        run(client().post(reply()), refused(20429, 429, retry_after="7"))
    assert asked.value.seconds == 7
    for status in (500, 503):
        with pytest.raises(Unavailable) as trouble:
            run(client().post(reply()), answer(b"<html>", status))
        assert trouble.value.unknown
    with pytest.raises(Unavailable) as odd:
        run(client().post(reply()), refused(20003, 401))
    assert not odd.value.unknown
    with pytest.raises(Rejected, match="TWILIO_ACCOUNT_SID"):
        run(client().post(reply(refusals=3)), answer(b"", 401))
    with pytest.raises(TooLong):
        run(client().post(reply()), refused(21617))
    with pytest.raises(Unavailable) as lost:
        run(client().post(reply()), Unavailable("connection reset"))
    assert lost.value.unknown
    with pytest.raises(Unavailable):
        run(client().post(reply()), answer(b"{", 201))
    with pytest.raises(Rejected, match="30007"):
        run(client().post(reply()), answer(made(status="failed", error_code=30007), 201))


def test_a_reply_is_found_by_its_text_and_time() -> None:
    assert client().repeat(reply()) == FIND
    page = {
        "messages": [
            made("other"), made("hello", direction="inbound"), made(at=NOW - 700, sid="SM0"),
        ]
    }  # fmt: skip
    done = run(client().find(reply(), ME), answer(page))
    assert done.value is None
    assert done.requests[0].url.endswith("Messages.json?To=%2B14155550100&PageSize=100&From=%2B15005550006")
    # Trial accounts and services change what is sent.
    for body in ("Hello", "Sent from your Twilio trial account - Hello", " Hello "):
        assert run(client().find(reply(), ME), answer({"messages": [made(body)]})).value == Sent("SM1")
    assert run(client().find(reply("“Hi” – all"), ME), answer({"messages": [made('"Hi" - all')]})).value == Sent("SM1")
    # Clocks differ. What is known to be another reply is not this one, nor is what another number sent.
    assert run(client().find(reply(), ME), answer({"messages": [made(at=NOW - 500)]})).value == Sent("SM1")
    others = {"messages": [made(), made(sid="SM2", sender="+15005550010"), made(sid="SM3")]}
    assert run(client().find(reply(known=("SM1",)), ME), answer(others)).value == Sent("SM3")
    assert run(client().find(reply(known=("SM1", "SM3")), ME), answer(others)).value is None
    with pytest.raises(Rejected, match="30003"):
        run(client().find(reply(), ME), answer({"messages": [made(status="undelivered", error_code=30003)]}))
    by_service = made(messaging_service_sid=SERVICE["service"], sender="+15005550010")
    done = run(client().find(reply(address=SERVICE), ME), answer({"messages": [made(sid="SM0"), by_service]}))
    assert "From" not in done.requests[0].url
    assert done.value == Sent("SM1")


def test_a_search_goes_on_until_messages_are_too_old() -> None:
    path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json?Page=1&PageToken=x"
    full = [made("other")] * 3
    assert run(client().find(reply(), ME), answer({"messages": full, "next_page_uri": path})).value == NextPage(path)
    done = run(
        client().find(reply(cursor=path), ME),
        answer({"messages": [made("other", at=NOW - 700)], "next_page_uri": path}),
    )
    assert done.requests[0].url == f"{API}{path}"
    assert done.value is None
    # A cursor cannot lead elsewhere.
    assert (
        run(client().find(reply(cursor="@evil.example/"), ME), answer({"messages": []}))
        .requests[0]
        .url.startswith(f"{API}/2010-04-01/Accounts/{ACCOUNT}/Messages.json?To=")
    )


def test_who_we_are_and_where_messages_go() -> None:
    ours = "https://bot.example/webhooks/twilio"
    numbers = {
        "incoming_phone_numbers": [
            {"phone_number": "+15005550006", "sms_url": f"{ours}#rc=5&rp=all", "capabilities": {"sms": True}},
            {"phone_number": "+15005550007", "sms_url": "https://demo.twilio.com/welcome/sms/reply/"},
            {"phone_number": "+15005550008", "sms_url": "", "capabilities": {"sms": False}},
            {"phone_number": "+15005550009", "sms_application_sid": "AP1"},
        ]
    }
    none: dict[str, Any] = {"incoming_phone_numbers": []}
    who = run(client().whoami(), answer(numbers), answer(none)).value
    assert who.name.startswith(f"{ACCOUNT} (+15005550006, +15005550007, +15005550008 and 1 more), {OTHER} (no numbers")
    assert not who.wrote(["number:+15005550006"])
    elsewhere, application = run(client(webhook=ours).concerns(), answer(numbers), answer(none)).value
    assert "+15005550007 sends its messages to https://demo.twilio.com" in elsewhere
    assert f"set its webhook to {ours}#rc=5&rp=all" in elsewhere
    assert "AP1" in application
    assert "PUBLIC_URL" in run(client().concerns()).value[0]


def test_a_number_is_given_as_many_messages_as_are_configured() -> None:
    assert client().rates(reply()) == ()
    assert client(rate=0.5).rates(reply()) == [Rate(f"{ACCOUNT}:+15005550006", 2.0)]


def test_choices_are_written_below_the_text_and_found_with_it() -> None:
    content = ReplyContent(actions=(Button("Yes", value="42"), Button("No")))
    asked = reply("**Oil?**", content=content)
    said = "Oil?\n\n1. Yes\n2. No\nReply with the number."
    [request] = run(client().post(asked), answer(made(), 201)).requests
    assert form(request)["Body"] == said
    page = {"messages": [made("Oil?", "SM1"), made(said, "SM2")], "next_page_uri": None}
    assert run(client().find(asked, ME), answer(page)).value == Sent("SM2")
    assert client().check(asked) == ""
    assert "shorter labels" in client().check(reply(content=ReplyContent(actions=(Button("x" * 700),))))
    with pytest.raises(TooLong):
        run(client().post(reply("x" * LIMIT, content=content)))


def test_files_are_fetched_from_us() -> None:
    file = File("plan.pdf", file="t.1", content_type="application/pdf", size=5_000_000)
    asked = reply("", content=ReplyContent(files=(file,)))
    shared = SharedFiles(Seal(["k" * 40]), "https://bot.example")
    [request] = run(client(shared=shared).post(asked), answer(made("", num_media="1"), 201)).requests
    url = form(request)["MediaUrl"]
    assert shared.opened(url.split("/")[4]) == (asked.thread, "t.1")
    assert "Body" not in form(request)
    page = {"messages": [made("", "SM1"), made("", "SM2", num_media="1")], "next_page_uri": None}
    assert run(client().find(asked, ME), answer(page)).value == Sent("SM2")
    assert client(shared=shared).check(asked) == ""
    large = reply("", content=ReplyContent(files=(msgspec.structs.replace(file, size=5_000_001),)))
    assert "takes 5 MB" in client(shared=shared).check(large)
    assert client(shared=shared).check(msgspec.structs.replace(large, address=WHATSAPP)) == ""
    plain = reply("", content=ReplyContent(files=(msgspec.structs.replace(file, content_type="text/plain"),)))
    assert "takes no files of type text/plain" in client(shared=shared).check(plain)
    assert client(shared=shared).check(msgspec.structs.replace(plain, address=WHATSAPP)) == ""
    assert "ANSWERBACK_SECRET_KEY" in client().check(asked)
    with pytest.raises(Rejected, match="PUBLIC_URL"):
        run(client().post(asked))


def test_typing_is_shown_on_whatsapp_only() -> None:
    presence = client().presence
    [request] = run(presence.working(Place(thread="t", address=WHATSAPP, message="SM1"), ""), answer({})).requests
    assert request.url == "https://messaging.twilio.com/v2/Indicators/Typing.json"
    assert form(request) == {"channel": "whatsapp", "messageId": "SM1"}
    assert run(presence.working(Place(thread="t", address=SMS, message="SM1"), "")).requests == []
    assert run(presence.idle(Place(thread="t", address=WHATSAPP), "completed")).requests == []


def test_files_are_downloaded_with_the_credential_of_their_account_which_goes_to_twilio_only() -> None:
    def file(url: str) -> Attachment:
        return Attachment(name="image-1.png", content_type="image/png", remote=url)

    url = f"{API}/2010-04-01/Accounts/{OTHER}/Messages/MM1/Media/ME1"
    done = run(client().fetch(file(url)), answer(b"", 307, location="https://cdn.example/x"), answer(b"png"))
    assert done.value == b"png"
    assert base64.b64decode(done.requests[0].headers["authorization"].split()[1]) == b"SK1:secret"
    assert done.requests[1].headers == {}
    for status, words in ((404, "deleted"), (401, "credential")):
        with pytest.raises(Rejected, match=words):
            run(client().fetch(file(url)), answer(b"", status))
    with pytest.raises(Unavailable):
        run(client().fetch(file(url)), answer(b"", 503))
    with pytest.raises(Rejected, match="larger than 16 MB"):
        run(client().fetch(file(url)), answer(bytes(16_000_001)))
    with pytest.raises(Rejected, match="too often"):
        run(client().fetch(file(url)), *[answer(b"", 302, location="/x")] * 4)
    with pytest.raises(Rejected, match="nowhere"):
        run(client().fetch(file(url)), answer(b"", 302, location="https://["))
    for elsewhere in ("http://api.twilio.com/x", "https://api.twilio.com.evil.example/x", "https://[", ""):
        with pytest.raises(Rejected, match="outside"):
            run(client().fetch(file(elsewhere)))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1), ("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3), ("€" * 80, 1), ("€" * 81, 2),
        ("é\n", 1), ("你" * 70, 1), ("你" * 71, 2), ("😀" * 35, 1), ("😀" * 36, 2), ("a" * 159 + "’", 3),
    ],
)  # fmt: skip
def test_segments_are_counted_as_carriers_do(text: str, count: int) -> None:
    assert segments(text) == count


def test_typography_is_left_out_where_it_would_cost_more() -> None:
    assert cheaper("a" * 150 + "’") == "a" * 150 + "'"
    assert cheaper("It’s") == "It’s"
    assert cheaper("你好’" + "a" * 70) == "你好’" + "a" * 70
    assert written("- " + "a" * 100, "sms") == "- " + "a" * 100
    assert written("# Hi\n\n**you**", "sms") == "Hi\n\nyou"
    assert written("**you**", "whatsapp") == "*you*"
    assert written("**you**", "rcs") == "you"
    assert written("[](x)", "sms")


def test_parts_fit_on_every_channel() -> None:
    text = "\n\n".join(f"**{number}** is 😀 [a link](https://example.com/{number})" for number in range(200))
    for part in split(text):
        assert all(len(written(part, to).encode("utf-16-le")) // 2 <= LIMIT for to in ("sms", "whatsapp", "rcs"))
    assert split("short") == ["short"]


def test_accounts_are_configured_by_tokens_and_keys() -> None:
    key = "SK" + "1" * 32

    def credentials(**variables: str) -> dict[str, Credential]:
        return TwilioSettings.model_validate(variables).credentials()

    assert credentials(TWILIO_AUTH_TOKEN="t" * 32) == {}
    assert credentials(TWILIO_AUTH_TOKEN="new,old", TWILIO_ACCOUNT_SID=ACCOUNT) == {ACCOUNT: (ACCOUNT, "new")}
    several = credentials(TWILIO_AUTH_TOKEN=f"{OTHER}:other, main", TWILIO_ACCOUNT_SID=ACCOUNT)
    assert list(several.items()) == [(ACCOUNT, (ACCOUNT, "main")), (OTHER, (OTHER, "other"))]
    keys = credentials(TWILIO_AUTH_TOKEN="main", TWILIO_ACCOUNT_SID=ACCOUNT, TWILIO_API_KEY=f"{key}:a,{OTHER}:{key}:b")
    assert keys == {ACCOUNT: (key, "a"), OTHER: (key, "b")}
    assert "secret" not in repr(Credential("AC1", "secret"))
    for wrong in (
        {"TWILIO_API_KEY": f"{key}:a"}, {"TWILIO_API_KEY": "a", "TWILIO_ACCOUNT_SID": ACCOUNT},
        {"TWILIO_ACCOUNT_SID": "1"}, {"TWILIO_WHATSAPP_TEMPLATE": "HX1"},
    ):  # fmt: skip
        with pytest.raises(ValidationError):
            TwilioSettings.model_validate(wrong)
    settings = Settings.load({"TWILIO_AUTH_TOKEN": "hunter2", "TWILIO_ACCOUNT_SID": ACCOUNT})
    assert settings.platform("twilio").guessable()
    assert "hunter2" in settings.platform("twilio").secret_values()
