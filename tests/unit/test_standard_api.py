from __future__ import annotations

import json

import pytest

from answerback.errors import NotYet, RateLimited, Rejected, TooLong, Unavailable
from answerback.events import Address
from answerback.messages import Identity
from answerback.platforms import NATIVE, Delivery, Response, Sent, standard
from answerback.platforms.standard.api import Standard
from answerback.replies import Reply
from answerback.settings import Settings
from tests.fixtures.deliveries import load
from tests.fixtures.exchanges import answer, run

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
URL = "https://help.example.com/replies"
NOW = 1_740_823_200.0


def reply(attempts: int = 0, first: int = 0) -> Reply:
    address: Address = {"thread": "ticket-4711", "message": "comment-9"}
    return Reply(
        key="turn.0", thread="standard:ticket-4711", text="Hello", address=address, attempts=attempts, first=first
    )


@pytest.fixture
def client() -> Standard:
    return Standard(SECRET, URL, lambda: NOW)


def test_a_reply_is_signed_as_the_standard_says(client: Standard) -> None:
    done = run(client.post(reply()), answer(status=204))
    (request,) = done.requests
    assert (request.method, request.url) == ("POST", URL)
    assert standard.verify([SECRET], Delivery(request.headers, request.body), NOW + 10) is None
    assert request.headers["webhook-id"] == "turn.0"
    assert json.loads(request.body) == {
        "type": "message.replied",
        "data": {
            "key": "turn.0",
            "thread": "ticket-4711",
            "in_reply_to": "comment-9",
            "text": "Hello",
            "author": {"id": "answerback", "name": "Answerback"},
        },
    }
    assert done.value == Sent("turn.0")


def test_a_repeat_is_the_same_to_the_byte(client: Standard) -> None:
    later = Standard(SECRET, URL, lambda: NOW + 500)
    first, second = next(client.post(reply())), next(later.post(reply(attempts=3, first=17)))
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    assert client.repeat(reply()) == NATIVE


def test_a_reply_that_comes_back_to_us_is_known_as_ours(client: Standard) -> None:
    who = run(client.whoami()).value
    data = json.loads(next(client.post(reply())).body)["data"]
    echo = json.dumps({"thread": "t", "text": "x", "author": data["author"]}).encode()
    parsed = standard.parse(Delivery(load("standard", "message.created").headers, echo))
    assert isinstance(parsed, list)
    assert set(parsed[0].identities) & set(who.marks)  # type: ignore[union-attr]
    assert run(client.find(reply(), Identity(name="us"))).value is None


def test_only_410_is_final(client: Standard) -> None:
    """Everything else is a failure to be tried again: a 404 may be a proxy whose route is not there yet."""
    with pytest.raises(Rejected, match="410"):
        run(client.post(reply()), answer(status=410))
    for status in (301, 307, 400, 401, 403, 404, 405, 409, 418, 422, 423, 451):
        with pytest.raises(NotYet, match=str(status)) as caught:
            run(client.post(reply(attempts=9)), answer(status=status))
        assert not caught.value.unknown


def test_what_is_too_long_may_be_taken_in_parts(client: Standard) -> None:
    with pytest.raises(TooLong, match="413"):
        run(client.post(reply()), answer(status=413))


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504])
def test_an_outage_is_tried_again(client: Standard, status: int) -> None:
    with pytest.raises(Unavailable) as caught:
        run(client.post(reply()), answer(status=status))
    assert caught.value.unknown
    assert caught.value.after == 0


@pytest.mark.parametrize("status", [503, 502, 404, 409])
@pytest.mark.parametrize(
    ("value", "after"), [("5", 5), ("1.5", 1.5), ("Sat, 01 Mar 2025 10:00:30 GMT", 30), ("999999", 3600), ("-1", 1)]
)
def test_a_receiver_that_fails_says_for_how_long(client: Standard, status: int, value: str, after: float) -> None:
    with pytest.raises(Unavailable) as caught:
        run(client.post(reply()), answer(status=status, retry_after=value))
    assert caught.value.after == after


def test_a_wrong_clock_of_ours_is_corrected_by_the_receivers() -> None:
    there = "Sat, 01 Mar 2025 10:00:00 GMT"  # NOW
    for off in (3600, -3600):
        client = Standard(SECRET, URL, lambda off=off: NOW + off)  # type: ignore[misc]
        done = run(client.post(reply()), answer(status=401, date=there), answer(status=204))
        assert standard.verify([SECRET], Delivery(done.requests[1].headers, done.requests[1].body), NOW) is None
        assert done.requests[0].body == done.requests[1].body
    with pytest.raises(NotYet, match="secret"):
        run(Standard(SECRET, URL, lambda: NOW + 2).post(reply()), answer(status=401, date=there))


@pytest.mark.parametrize(
    ("response", "seconds"), [(answer(status=429, retry_after="7"), 7), (answer(status=429, retry_after="soon"), 30)]
)
def test_a_rate_limit_says_how_long(client: Standard, response: Response, seconds: float) -> None:
    with pytest.raises(RateLimited) as caught:
        run(client.post(reply()), response)
    assert caught.value.seconds == seconds


def test_the_settings_decide_whether_there_is_a_client() -> None:
    assert standard.client(Settings.load({})) is None
    assert standard.client(Settings.load({"STANDARD_WEBHOOKS_SECRET": SECRET})) is None
    both = {"STANDARD_WEBHOOKS_SECRET": SECRET, "STANDARD_WEBHOOKS_REPLY_URL": URL}
    assert SECRET not in repr(standard.client(Settings.load(both)))
    assert Standard(SECRET, URL).split("a long text") == ["a long text"]
