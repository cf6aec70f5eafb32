from __future__ import annotations

import json

import pytest

from answerback.errors import RateLimited, Rejected, Unavailable
from answerback.messages import Address, Identity, Reply
from answerback.platforms import Response, Sent, standard
from answerback.platforms.standard.api import Standard
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
    assert standard.verify([SECRET], request.headers, request.body, NOW + 10) is None
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
    assert client.once == "native"


def test_a_reply_that_comes_back_to_us_is_known_as_ours(client: Standard) -> None:
    who = run(client.whoami()).value
    data = json.loads(next(client.post(reply())).body)["data"]
    echo = json.dumps({"thread": "t", "text": "x", "author": data["author"]}).encode()
    parsed = standard.parse(load("standard", "message.created").headers, echo)
    assert isinstance(parsed, list)
    assert set(parsed[0].identities) & set(who.marks)  # type: ignore[union-attr]
    assert run(client.find(reply(), Identity(name="us"))).value is None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 413, 422, 301, 307])
def test_a_refusal_is_for_good(client: Standard, status: int) -> None:
    with pytest.raises(Rejected, match=str(status)):
        run(client.post(reply()), answer(status=status))


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504])
def test_an_outage_is_tried_again(client: Standard, status: int) -> None:
    with pytest.raises(Unavailable) as caught:
        run(client.post(reply()), answer(status=status))
    assert caught.value.unknown


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
