from __future__ import annotations

from typing import Any

import pytest

from answerback.errors import RateLimited, Rejected, Unavailable
from answerback.messages import Address, Reply
from answerback.platforms import Response
from answerback.platforms.github.api import GitHub
from answerback.platforms.github.credential import Token
from tests.fixtures.exchanges import answer, run

API = "https://api.github.com"
NOW = 1_740_823_200.0
ISSUE: Address = {"repo": "acme/widgets", "number": 7}
DISCUSSION: Address = {**ISSUE, "discussion": "D_1"}


def reply(address: Address = ISSUE) -> Reply:
    return Reply(key="turn.0", thread="github:1:7", text="Hello", address=address)


@pytest.fixture
def client() -> GitHub:
    return GitHub(Token("ghp_secret", API, lambda: NOW), API, lambda: NOW)


@pytest.mark.parametrize(
    ("response", "seconds"),
    [
        (answer({"message": "slow down"}, 403, retry_after="17"), 17),
        (answer({}, 429, retry_after="Sat, 01 Mar 2025 10:00:30 GMT"), 30),
        (answer({}, 403, x_ratelimit_remaining="0", x_ratelimit_reset=str(int(NOW) + 250)), 250),
        (answer({}, 403, x_ratelimit_remaining="0", x_ratelimit_reset="soon"), 60),
        (answer({"message": "You have exceeded a secondary rate limit."}, 403), 60),
        (answer({}, 429), 60),
        (answer({}, 429, retry_after="-5"), 60),
        (answer({}, 429, retry_after="0"), 1),
        (answer({}, 429, retry_after="999999999"), 86_400),
    ],
)
def test_a_rate_limit_says_how_long(client: GitHub, response: Response, seconds: float) -> None:
    with pytest.raises(RateLimited) as caught:
        run(client.post(reply()), response)
    assert caught.value.seconds == seconds


@pytest.mark.parametrize(
    ("status", "message", "words"),
    [
        (401, "Bad credentials", "does not accept GITHUB_TOKEN any more"),
        (403, "Resource not accessible by personal access token", "give it write access"),
        (403, "Unable to create comment because issue is locked.", "unlock the conversation"),
        (404, "Not Found", "acme/widgets#7"),
        (410, "Issues are disabled for this repo", "gone"),
        (422, "Validation Failed", "Validation Failed"),
        (451, "", "451"),
    ],
)
def test_a_refusal_says_what_to_do(client: GitHub, status: int, message: str, words: str) -> None:
    with pytest.raises(Rejected, match=words):
        run(client.post(reply()), answer({"message": message}, status))


@pytest.mark.parametrize("response", [answer({}, 500), answer(b"<html>", 502), answer({}, 408), answer(b"", 201)])
def test_an_outage_leaves_the_replys_fate_unknown(client: GitHub, response: Response) -> None:
    with pytest.raises(Unavailable) as caught:
        run(client.post(reply()), response)
    assert caught.value.unknown


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"type": "RATE_LIMITED", "message": "API rate limit exceeded"}, RateLimited),
        ({"message": "You have exceeded a secondary rate limit"}, RateLimited),
        ({"message": "Something went wrong while executing your query."}, Unavailable),
        ({"type": "FORBIDDEN", "message": "Resource not accessible by integration"}, Rejected),
        ({"message": "Field does not exist", "extensions": {"code": "undefinedField"}}, Rejected),
        ({"type": "NOT_FOUND", "message": "Could not resolve to a node"}, Rejected),
    ],
)
def test_errors_inside_a_good_graphql_answer_count(client: GitHub, error: Any, expected: type[Exception]) -> None:
    response = answer({"data": {"addDiscussionComment": None}, "errors": [error]})
    with pytest.raises(expected):
        run(client.post(reply(address=DISCUSSION)), response)
