"""Twilio's webhooks: whose they are, and what they mean."""

from __future__ import annotations

import base64
import hmac
from functools import partial
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerback.errors import MalformedBody
from answerback.events import Event, Subject
from answerback.notifications import ReplyStatus
from answerback.platforms import Answered, Delivery, Ignored, twilio
from answerback.platforms.twilio.form import FORM
from answerback.platforms.twilio.signature import OVERRIDES
from answerback.platforms.twilio.webhook import NOTHING
from tests.fixtures.deliveries import changed, content, load, parsed
from tests.fixtures.hostile import TEXT

parse = partial(parsed, twilio)
TOKEN = "12345"
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
VECTOR = "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212"
ACCOUNT = "AC0123456789abcdef0123456789abcdef"
SERVICE = "MGfedcba9876543210fedcba9876543210"
NOW = 1_764_547_200.0


def request(body: str, signature: str, url: str = URL, method: str = "POST", **headers: str) -> Delivery:
    """A request to `url` with a signature."""
    target = url.partition("://")[2].partition("/")[2]
    path, _, query = target.partition("?")
    told = {"content-type": FORM, "x-twilio-signature": signature} | {
        k.replace("_", "-"): v for k, v in headers.items()
    }
    return Delivery(told, body.encode(), method, f"/{path}", query, url)


def test_a_quoted_message_is_what_a_message_is_about() -> None:
    quoted = content("twilio", "message.whatsapp.quoting")["OriginalRepliedMessageSid"]
    assert parse("message.whatsapp.quoting").subject == Subject(kind="message", message=quoted)
    assert parse("message.whatsapp").subject is None


def test_a_number_alone_may_be_a_choice() -> None:
    assert (parse("message.choice").choice, parse("message.choice").text) == (1, "1")
    assert parse("message.choice", Body="1 please").choice == 0
    assert parse("message.whatsapp.button", Body="1").choice == 0
    assert parse("message.mms", Body="1").choice == 0


def good(delivery: Delivery, *secrets: str) -> bool:
    return twilio.verify(secrets or [TOKEN], delivery, NOW) is None


@pytest.mark.parametrize(
    ("url", "signature"),
    [
        (URL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        (URL.replace(".com/", ".com:443/"), "kvajT1Ptam85bY51eRf/AJRuM3w="),
        (URL.replace("https", "http").replace(".com/", ".com:80/"), "0ZXoZLH/DfblKGATFgpif+LLRf4="),
        (URL.replace("https", "http").replace(".com/", ".com:1234/"), "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
    ],
)
def test_the_documented_signatures_are_good(url: str, signature: str) -> None:
    """The vectors of Twilio's SDKs."""
    assert good(request(VECTOR, signature, url))
    assert twilio.sign(TOKEN, request(VECTOR, "", url), NOW) == {"x-twilio-signature": signature}
    # A proxy adds a port, or takes it away.
    assert good(request(VECTOR, signature, url.replace(":443", "").replace(":80/", "/")))
    assert not good(request(VECTOR, signature, url.replace("mycompany", "other")))
    assert not good(request(VECTOR, signature, f"{url}&baz=3"))
    assert not good(request(VECTOR.replace("1234&", "1235&"), signature, url))


def test_repeated_fields_count_once_for_each_value() -> None:
    body = "Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234"
    assert good(request(body, "IK+Dwps556ElfBT0I3Rgjkr1wJU="))


def test_a_body_that_is_no_form_is_signed_by_its_digest_in_the_url() -> None:
    digest = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
    url, body = f"{URL}&bodySHA256={digest}", '{"property": "value", "boolean": true}'
    delivery = request(body, "a9nBmqA0ju/hNViExpshrM61xv4=", url, content_type="application/json")
    assert good(delivery)
    assert not good(msgspec.structs.replace(delivery, body=delivery.body + b" "))
    assert isinstance(twilio.parse(delivery), Ignored)


def _signature(url: str, token: str = TOKEN, algorithm: str = "sha1") -> str:
    return base64.b64encode(hmac.digest(token.encode(), url.encode(), algorithm)).decode()


def test_a_get_is_signed_by_its_url_alone() -> None:
    assert good(request("", _signature(URL), method="GET"))
    # What is not signed is not read.
    unsigned = request(urlencode({"MessageSid": "SM" + "1" * 32}), _signature(URL), method="GET")
    with pytest.raises(MalformedBody, match="MessageSid is missing"):
        twilio.parse(unsigned)


def test_the_overrides_of_the_url_may_be_signed_or_not() -> None:
    assert good(request("", _signature(f"{URL}{OVERRIDES}")))
    assert not good(request("", _signature(f"{URL}#rc=9")))


def test_a_webhook_rule_signs_with_its_own_key_and_algorithm() -> None:
    rule = {"x_twilio_webhooks_signature_settings": "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"}
    assert good(request("", _signature(URL, "shared", "sha256"), **rule), TOKEN, "shared")
    assert not good(request("", _signature(URL), **rule))
    unknown = {"x_twilio_webhooks_signature_settings": "key=k,algorithm=HMAC_MD5"}
    assert "unknown algorithm" in (twilio.verify([TOKEN], request("", _signature(URL), **unknown), NOW) or "")


def test_without_a_public_url_it_is_what_the_request_names() -> None:
    for scheme in ("http", "https"):
        url = f"{scheme}://bot.example:8080/webhooks/twilio?a=1"
        delivery = msgspec.structs.replace(request("", _signature(url), url, host="bot.example:8080"), url="")
        assert good(delivery)
        assert not good(msgspec.structs.replace(delivery, headers={**delivery.headers, "host": "other.example"}))


def test_tokens_of_several_accounts_and_old_ones_are_good_for_what_is_theirs() -> None:
    other = "AC" + "f" * 32
    body = urlencode({"AccountSid": ACCOUNT})
    delivery = request(body, twilio.sign(TOKEN, request(body, ""), NOW)["x-twilio-signature"])
    assert good(delivery, "old", TOKEN)
    assert good(delivery, f"{ACCOUNT}:{TOKEN}")
    assert not good(delivery, f"{other}:{TOKEN}")
    assert twilio.sign(f"{ACCOUNT}:{TOKEN}", request(body, ""), NOW) == twilio.sign(TOKEN, request(body, ""), NOW)
    assert "PUBLIC_URL" in (twilio.verify(["another"], delivery, NOW) or "")
    assert "TWILIO_AUTH_TOKEN" in (twilio.verify([""], delivery, NOW) or "")


@given(
    st.dictionaries(st.sampled_from(["x-twilio-signature", "x-twilio-webhooks-signature-settings", "host"]), TEXT),
    st.binary(),
    TEXT,
    st.sampled_from(["GET", "POST"]),
)
def test_verify_never_raises(headers: dict[str, str], body: bytes, query: str, method: str) -> None:
    for url in ("", f"https://bot.example/webhooks/twilio?{query}", f"https://[{query}"):
        delivery = Delivery(headers, body, method, "/webhooks/twilio", query, url)
        assert isinstance(twilio.verify([TOKEN, "\udcff"], delivery, NOW), str)


def test_a_message_is_a_direct_one_in_the_thread_of_two_numbers() -> None:
    event = parse("message")
    assert isinstance(event, Event)
    assert (event.text, event.direct, event.kind) == ("How do I oil a widget?", True, "message")
    assert event.thread == f"twilio:{ACCOUNT}:+15005550006:+14155550100"
    assert event.delivery == f"twilio:{event.message}"
    assert event.author.id == "+14155550100"
    assert (event.account, event.channel) == (ACCOUNT, "+15005550006")
    assert event.address == {"account": ACCOUNT, "ours": "+15005550006", "theirs": "+14155550100"}
    whole = twilio.parse(load("twilio", "message"))
    assert isinstance(whole, Answered)
    assert whole.answer == NOTHING
    # The fallback URL gets the same message.
    assert parse("message.fallback").delivery == event.delivery
    query = Delivery({}, b"", "GET", query=load("twilio", "message").body.decode())
    assert twilio.parse(query) == whole


def test_a_messaging_service_is_one_sender_and_channels_are_apart() -> None:
    assert parse("message.service").thread == f"twilio:{ACCOUNT}:{SERVICE}:+14155550100"
    assert parse("message.service").address["ours"] == "+15005550006"
    assert parse("message.service", To="+15005550010").thread == parse("message.service").thread
    whatsapp = parse("message.whatsapp")
    assert whatsapp.thread == f"twilio:{ACCOUNT}:whatsapp:+14155238886:whatsapp:+14155550100"
    assert whatsapp.author.name == "Ada"
    assert parse("message.rcs").thread == f"twilio:{ACCOUNT}:{SERVICE}:rcs:+14155550100"


def test_what_people_send_besides_text() -> None:
    mms = parse("message.mms")
    assert [(each.name, each.content_type) for each in mms.attachments] == [
        ("image-1.jpg", "image/jpeg"), ("text-2.vcf", "text/vcard"),
    ]  # fmt: skip
    assert mms.attachments[0].remote.startswith("https://api.twilio.com/2010-04-01/Accounts/")
    assert mms.text == "Which one is it?"
    assert parse("message.mms.only").text == "[image-1.png]"
    place = parse("message.whatsapp.location")
    assert place.text == (
        "shared a location: Widget works, 375 Beale St, San Francisco, CA 94105 (37.7879208, -122.3935565)"
    )
    assert parse("message.whatsapp.location", Label="", Address="").text.endswith(": 37.7879208, -122.3935565")
    advertisement = parse("message.whatsapp.advertisement").subject
    assert (advertisement.kind, advertisement.title) == ("advertisement", "Widget oil")
    assert parse("message.whatsapp.audio").attachments[0].content_type == "audio/ogg"
    assert isinstance(parse("message", Body=" "), Ignored)
    assert isinstance(parse("message", MessageStatus="received"), Event)


def test_buttons_and_lists_are_actions() -> None:
    pressed = parse("message.whatsapp.button")
    assert pressed.action is not None
    assert (pressed.action.type, pressed.action.name, pressed.action.value) == ("button", "Yes, please", "oil:yes")
    assert pressed.action.message == f"SM{90:032x}"
    assert pressed.text == "pressed Yes, please (value: oil:yes)"
    chosen = parse("message.whatsapp.list")
    assert (chosen.action.type, chosen.action.name, chosen.action.value) == ("select", "Large", "size:l")


@pytest.mark.parametrize("name", ["message.stop", "message.help", "message.stop.by_itself"])
def test_opt_out_words_are_no_turns(name: str) -> None:
    found = parse(name)
    assert isinstance(found, Ignored)
    assert "answered by Twilio" in found.reason
    assert found.answer == NOTHING


def test_words_that_mean_something_else_are_turns() -> None:
    # Twilio does not say of these that they opt out, and on WhatsApp it handles no words.
    assert isinstance(parse("message", Body="Cancel"), Event)
    assert isinstance(parse("message", Body="yes"), Event)
    assert isinstance(parse("message.whatsapp", Body="STOP"), Event)


def status(name: str, query: str = f"reply=abc.0&thread=twilio:{ACCOUNT}:%2B1:%2B2", **changes: Any) -> Any:
    """What a status callback becomes."""
    found = twilio.parse(msgspec.structs.replace(changed("twilio", name, **changes), query=query))
    return found.events[0] if isinstance(found, Answered) else found


def test_a_status_settles_the_reply_that_its_url_names() -> None:
    delivered = status("status.delivered")
    assert isinstance(delivered, ReplyStatus)
    assert (delivered.reply, delivered.thread, delivered.state) == ("abc.0", f"twilio:{ACCOUNT}:+1:+2", "sent")
    assert delivered.message == f"SM{92:032x}"
    assert status("status.whatsapp.read").state == "sent"
    failed = status("status.undelivered")
    assert failed.state == "failed"
    assert failed.error == (
        "Twilio reports undelivered: the phone is switched off or out of reach: replay the reply later "
        "(30003, https://www.twilio.com/docs/api/errors/30003)"
    )
    assert "24 hours" in status("status.whatsapp.failed").error
    assert "TWILIO_WHATSAPP_TEMPLATE" in status("status.whatsapp.failed").error
    assert status("status.undelivered", ErrorCode="x").error.endswith("no error code was given")


def test_other_statuses_mean_nothing() -> None:
    assert isinstance(status("status.delivered", query=""), Ignored)
    assert isinstance(status("status.delivered", query="reply=abc.0&thread=slack:1"), Ignored)
    # Another account's.
    assert isinstance(status("status.delivered", AccountSid="AC" + "f" * 32), Ignored)
    assert isinstance(status("status.delivered", MessageStatus="pondering", SmsStatus=""), Ignored)
