"""Files of Slack's messages: had with the token, or said why not."""

from __future__ import annotations

import msgspec
import pytest

from answerback.errors import Rejected, Unavailable
from answerback.messages import Attachment
from answerback.platforms import Request, Response
from answerback.platforms.slack.api import Slack
from answerback.platforms.slack.attachments import Remote

URL = "https://files.slack.com/files-pri/T1-F1/download/a.png"


def fetched(remote: Remote, *responses: Response, kind: str = "image/png") -> tuple[bytes, list[Request]]:
    exchange = Slack("xoxb-1", "https://slack.com/api").fetch(
        Attachment(name="a.png", content_type=kind, remote=msgspec.json.encode(remote).decode())
    )
    requests, left = [next(exchange)], list(responses)
    try:
        while True:
            requests.append(exchange.send(left.pop(0)))
    except StopIteration as end:
        return end.value, requests


def file(url: str) -> Response:
    return Response(status=200, body=msgspec.json.encode({"ok": True, "file": {"id": "F1", "url_private": url}}))


PNG = Response(status=200, headers={"content-type": "image/png"}, body=b"\x89PNG")
PAGE = Response(status=200, headers={"content-type": "text/html; charset=utf-8"}, body=b"<html>")


def test_a_file_is_downloaded_with_the_token() -> None:
    content, (request,) = fetched(Remote("F1", URL), PNG)
    assert (content, request.url, request.headers["authorization"]) == (b"\x89PNG", URL, "Bearer xoxb-1")
    assert fetched(Remote("F1", URL), PAGE, kind="text/html")[0] == b"<html>"


def test_the_address_of_a_hidden_file_is_asked_for() -> None:
    content, (asked, request) = fetched(Remote("F1"), file(URL), PNG)
    assert (content, asked.url, request.url) == (b"\x89PNG", "https://slack.com/api/files.info?file=F1", URL)


def test_the_token_goes_nowhere_else() -> None:
    moved = Response(status=302, headers={"location": "https://storage.example.com/a.png"})
    _, (_, elsewhere) = fetched(Remote("F1", URL), moved, PNG)
    assert (elsewhere.url, elsewhere.headers) == ("https://storage.example.com/a.png", {})
    for url in ("https://evil.example.com/a", "http://files.slack.com/a", "https://xslack.com/a", "https://[", "x"):
        with pytest.raises(Rejected, match="outside of Slack"):
            fetched(Remote("F1"), file(url))


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (PAGE, "files:read"),
        (Response(status=403), "files:read"),
        (Response(status=404), "deleted"),
        (Response(status=302, headers={"location": "/signin"}), "too often"),
    ],
)
def test_a_file_that_cannot_be_had_says_why(response: Response, words: str) -> None:
    with pytest.raises(Rejected, match=words):
        fetched(Remote("F1", URL), *[response] * 4)


def test_a_server_that_fails_is_asked_again() -> None:
    with pytest.raises(Unavailable):
        fetched(Remote("F1", URL), Response(status=503))
