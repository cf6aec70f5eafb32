from __future__ import annotations

from typing import Any

import pytest

from answerback.errors import NotYet, RateLimited, Rejected, TooLong, Unavailable
from answerback.events import Address
from answerback.messages import Identity
from answerback.platforms import Response, Sent
from answerback.platforms.github.api import GitHub
from answerback.platforms.github.credential import Token
from answerback.replies import Reply
from tests.fixtures.exchanges import answer, run

API = "https://api.github.com"
NOW = 1_740_823_200.0
ISSUE: Address = {"repo": "acme/widgets", "number": 7}
DISCUSSION: Address = {**ISSUE, "discussion": "D_1"}


YOUNG, OLD = int(NOW * 1000) - 2_000, int(NOW * 1000) - 3_600_000
"""When an event was said: a moment ago, and an hour ago; ms."""


def reply(address: Address = ISSUE, *, at: int = YOUNG, refusals: int = 0, waits: int = 0) -> Reply:
    return Reply(
        key="turn.0", thread="github:1:7", text="Hello", address=address, at=at, refusals=refusals, waits=waits
    )


def invalid(*errors: Any) -> Response:
    return answer({"message": "Validation Failed", "errors": list(errors)}, 422)


def patience(client: GitHub, response: Response, *, at: int = YOUNG, address: Address = ISSUE) -> int:
    """How many refusals are put up with before one is final."""
    for refusals in range(20):
        try:
            run(client.post(reply(address, at=at, refusals=refusals)), response)
        except NotYet:
            pass
        except Rejected:
            return refusals
    raise AssertionError("it is never final")


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


FIELD = {"resource": "IssueComment", "code": "unprocessable", "field": "data"}


@pytest.mark.parametrize(
    "response",
    [
        invalid({**FIELD, "message": "was submitted too quickly"}),
        invalid("was submitted too quickly"),
        answer({"message": "was submitted too quickly"}, 422),
        answer({"message": "You have triggered an abuse detection mechanism."}, 403),
        answer({"message": "You have exceeded a secondary rate limit."}, 422),
        answer({"errors": [{"type": "UNPROCESSABLE", "message": "was submitted too quickly"}]}),
    ],
)
def test_a_limit_without_a_time_is_waited_for_longer_each_time(client: GitHub, response: Response) -> None:
    address = DISCUSSION if response.status == 200 else ISSUE
    for waits, seconds in [(0, 60), (1, 120), (3, 480), (10, 3600), (10_000, 3600)]:
        with pytest.raises(RateLimited) as caught:
            run(client.post(reply(address, waits=waits)), response)
        assert caught.value.seconds == seconds


@pytest.mark.parametrize(
    ("status", "message", "words"),
    [
        (401, "Bad credentials", "does not accept GITHUB_TOKEN any more"),
        (401, "'Issued at' claim ('iat') must be an Integer", "Set the clock"),
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
        run(client.post(reply(refusals=99)), answer({"message": message}, status))


@pytest.mark.parametrize(
    "response",
    [
        answer({"message": "Not Found"}, 404),
        invalid({**FIELD, "message": "Could not resolve to a node with the global id of 'I_7002'."}),
        answer({"errors": [{"type": "NOT_FOUND", "message": "Could not resolve to a node with the global id"}]}),
        answer({"errors": [{"type": "UNPROCESSABLE", "message": "Could not resolve to a node"}]}),
    ],
)
def test_what_is_not_there_a_moment_after_its_event_may_not_be_there_yet(client: GitHub, response: Response) -> None:
    address = DISCUSSION if response.status == 200 else ISSUE
    young, old = [patience(client, response, at=at, address=address) for at in (YOUNG, OLD)]
    assert young > old > 0
    assert patience(client, response, at=0, address=address) == young


def test_a_comment_that_a_discussion_does_not_show_yet_is_asked_for_again(client: GitHub) -> None:
    nowhere = answer({"data": {"node": None}})
    assert patience(client, nowhere, address={**DISCUSSION, "comment": "DC_2"}) > 1
    with pytest.raises(NotYet):
        run(client.find(reply(DISCUSSION), Identity(name="us")), nowhere)


def test_a_token_is_not_given_up_at_the_first_401_of_an_outage(client: GitHub) -> None:
    assert 1 < patience(client, answer({"message": "Bad credentials"}, 401), at=OLD) < 10


@pytest.mark.parametrize(
    "response",
    [
        answer({"message": "Unable to create comment because issue is locked."}, 403),
        answer({"message": "Resource not accessible by personal access token"}, 403),
        answer({"message": "Issues are disabled for this repo"}, 410),
        answer({"message": "Unavailable for legal reasons"}, 451),
        invalid({**FIELD, "message": "Body cannot be blank"}),
        invalid({**FIELD, "code": "missing_field"}),
    ],
)
def test_a_refusal_that_waiting_does_not_change_is_final_at_once(client: GitHub, response: Response) -> None:
    assert patience(client, response) == 0


@pytest.mark.parametrize(
    "response",
    [
        invalid({**FIELD, "message": "body is too long (maximum is 65536 characters)"}),
        answer(b"<html>Request Entity Too Large", 413),
        answer({"errors": [{"type": "UNPROCESSABLE", "message": "Body is too long (maximum is 65536 characters)"}]}),
    ],
)
def test_what_is_too_long_may_be_taken_in_parts(client: GitHub, response: Response) -> None:
    with pytest.raises(TooLong):
        run(client.post(reply(DISCUSSION if response.status == 200 else ISSUE)), response)


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        ([{**FIELD, "message": "Body cannot be blank"}], "Validation Failed: Body cannot be blank"),
        (["Replies to replies are not supported"], "Replies to replies"),
        ([FIELD, {"code": "custom"}], "IssueComment data unprocessable; custom"),
        ("body is odd", "body is odd"),
        ([None, 7, []], "None; 7"),
    ],
)
def test_the_details_of_a_refusal_are_told(client: GitHub, errors: Any, words: str) -> None:
    with pytest.raises(Rejected, match=words):
        run(client.post(reply()), answer({"message": "Validation Failed", "errors": errors}, 422))


@pytest.mark.parametrize(
    ("value", "after"), [("5", 5), ("Sat, 01 Mar 2025 10:00:30 GMT", 30), ("86400", 3600), ("", 0), ("soon", 1)]
)
def test_a_failing_platform_says_for_how_long(client: GitHub, value: str, after: float) -> None:
    with pytest.raises(Unavailable) as caught:
        run(client.post(reply()), answer({}, 503, retry_after=value))
    assert caught.value.after == after


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
        ({"type": "NOT_FOUND", "message": "Could not resolve to a node"}, NotYet),
    ],
)
def test_errors_inside_a_good_graphql_answer_count(client: GitHub, error: Any, expected: type[Exception]) -> None:
    response = answer({"data": {"addDiscussionComment": None}, "errors": [error]})
    with pytest.raises(expected):
        run(client.post(reply(address=DISCUSSION)), response)


@pytest.mark.parametrize("status", [302, 400, 403, 422])
@pytest.mark.parametrize("body", [b"", b"<html>Sign in</html>", b'{"message": "Not acc', b'{"error": 1}'])
def test_a_page_that_is_not_githubs_is_not_believed_at_the_first_word(client: GitHub, status: int, body: bytes) -> None:
    assert patience(client, answer(body, status), at=OLD) == 3


@pytest.mark.parametrize("error", [{"message": "Something went wrong", "type": None, "extensions": 1}, {}])
def test_a_graphql_error_without_a_type_is_githubs_own(client: GitHub, error: Any) -> None:
    with pytest.raises(Unavailable) as caught:
        run(client.post(reply(DISCUSSION)), answer({"data": None, "errors": [error]}))
    assert caught.value.unknown
    assert "unreadable" not in str(caught.value)


def test_an_error_beside_a_comment_that_was_made_is_no_refusal(client: GitHub) -> None:
    made = {"addDiscussionComment": {"comment": {"id": "DC_1", "databaseId": 9, "url": None}}}
    errors = [{"type": "FORBIDDEN", "message": "Resource not accessible", "path": ["addDiscussionComment", "url"]}]
    done = run(client.post(reply(DISCUSSION)), answer({"data": made, "errors": errors}))
    assert done.value == Sent("discussion_comment:9")


def test_the_details_of_a_refusal_without_a_message_are_told(client: GitHub) -> None:
    with pytest.raises(RateLimited):
        run(client.post(reply()), answer({"message": None, "errors": ["was submitted too quickly"]}, 422))
