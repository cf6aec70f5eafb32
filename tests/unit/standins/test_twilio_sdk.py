"""Twilio's own client and verifier agree with our stand-in: what it answers, and how it signs."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from twilio.base.exceptions import TwilioRestException  # type: ignore[import-untyped]
from twilio.http.async_http_client import AsyncTwilioHttpClient  # type: ignore[import-untyped]
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from tests.standins.bench import Bench, Receiver

# Its client uses what aiohttp deprecates.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

OURS, THEIRS = "+15005550006", "+14155550100"


class Redirected(AsyncTwilioHttpClient):  # type: ignore[misc]
    """Goes to the stand-in instead of Twilio."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    async def request(self, method: str, url: str, *more: Any, **named: Any) -> Any:
        path = url.partition("twilio.com")[2]
        return await super().request(method, f"{self._url}/twilio{path}", *more, **named)


@pytest.fixture
async def twilio(bench: Bench) -> AsyncIterator[Client]:
    options = bench.standins.options
    async with Redirected(bench.standins.url) as http:
        yield Client(options.twilio_account, options.twilio_token, http_client=http)


async def test_messages_are_sent_listed_and_reported(bench: Bench, receiver: Receiver, twilio: Client) -> None:
    callback = "https://bot.example/webhooks/twilio?reply=a.0&thread=twilio%3A1"
    made = await twilio.messages.create_async(to=THEIRS, from_=OURS, body="Hello", status_callback=callback)
    assert (made.status, made.direction, made.body, made.from_) == ("queued", "outbound-api", "Hello", OURS)
    assert made.date_created is not None
    for number in range(3):
        await twilio.messages.create_async(to=f"+1415555020{number}", from_=OURS, body=f"{number}")
    await bench.standins.wait_for_deliveries(2)
    found = await twilio.messages.list_async(to=THEIRS, from_=OURS)
    assert [(one.sid, one.status) for one in found] == [(made.sid, "delivered")]
    # Newest first, by pages.
    assert [one.body for one in await twilio.messages.list_async(page_size=3)] == ["2", "1", "0", "Hello"]
    assert (await twilio.messages(str(made.sid)).fetch_async()).status == "delivered"
    [posted] = [one for one in await bench.standins.messages("twilio") if one.body == "Hello"]
    assert (posted.thread, posted.id) == (f"{OURS}/{THEIRS}", made.sid)
    validator = RequestValidator(bench.standins.options.twilio_token)
    for _, headers, body in receiver.got:
        fields = {name: value[0] for name, value in parse_qs(body.decode(), keep_blank_values=True).items()}
        assert validator.validate(callback, fields, headers["x-twilio-signature"])
    assert [parse_qs(body.decode())["MessageStatus"] for _, _, body in receiver.got] == [["sent"], ["delivered"]]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"to": "+15005550004"}, 21610),
        ({"to": "+15005550009"}, 21614),
        ({"from_": "+15005550099"}, 21606),
        ({"body": "x" * 1601}, 21617),
        ({"body": ""}, 21619),
    ],
)
async def test_refusals_have_codes(twilio: Client, fields: dict[str, str], code: int) -> None:
    with pytest.raises(TwilioRestException) as caught:
        await twilio.messages.create_async(**{"to": THEIRS, "from_": OURS, "body": "Hello", **fields})
    assert (caught.value.status, caught.value.code) == (400, code)


async def test_what_people_do_is_signed(bench: Bench, receiver: Receiver, twilio: Client) -> None:
    act = bench.standins.act
    picture = ["a.png", "image/png", base64.b64encode(b"png").decode()]
    await act("twilio", "say", text="Look", files=[picture])
    await act("twilio", "press", label="Yes", payload="yes", theirs="whatsapp:+14155550100")
    await act("twilio", "locate", latitude="37.7", longitude="-122.3", label="Here")
    await act("twilio", "opt", word="STOP")
    deliveries = await bench.standins.wait_for_deliveries(4)
    assert [one["status"] for one in deliveries] == ["OK"] * 4
    validator = RequestValidator(bench.standins.options.twilio_token)
    bodies = []
    for _, headers, body in receiver.got:
        fields = {name: value[0] for name, value in parse_qs(body.decode(), keep_blank_values=True).items()}
        url = "https://bot.example/webhooks/twilio"
        assert validator.validate(url, fields, headers["x-twilio-signature"])
        assert not validator.validate(url, fields | {"Body": "x"}, headers["x-twilio-signature"])
        bodies.append(fields["Body"])
    assert sorted(bodies) == ["", "Look", "Stop", "Yes"]
    with pytest.raises(TwilioRestException) as caught:
        await twilio.messages.create_async(to=THEIRS, from_=OURS, body="Hello")
    assert caught.value.code == 21610
    await act("twilio", "opt", word="START")
    await twilio.messages.create_async(to=THEIRS, from_=OURS, body="Hello")


async def test_numbers_and_credentials(bench: Bench, twilio: Client) -> None:
    numbers = await twilio.incoming_phone_numbers.list_async()
    assert [one.phone_number for one in numbers] == ["+15005550006", "+15005550010"]
    await bench.standins.act("twilio", "point", number=OURS, url="https://other.example/sms")
    assert (await twilio.incoming_phone_numbers.list_async())[0].sms_url == "https://other.example/sms"
    async with Redirected(bench.standins.url) as http:
        stranger = Client("AC" + "0" * 32, "wrong", http_client=http)
        with pytest.raises(TwilioRestException) as caught:
            await stranger.messages("SM1").fetch_async()
    assert (caught.value.status, caught.value.code) == (401, 20003)
