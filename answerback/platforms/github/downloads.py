"""Files that people attached: downloaded as anybody, by a signed address, or with our token.

A public repository's files are anybody's. Those of a private one need a signed address, which the rendered form of the
text has for images, or a token of a person, such as a machine user's.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from urllib.parse import urljoin, urlsplit

import msgspec

from answerback.errors import Rejected, Unavailable
from answerback.messages import Attachment
from answerback.platforms import Exchange, Request, Response
from answerback.platforms.answer import harmless, read
from answerback.platforms.attempt import LAST
from answerback.platforms.github import discussions
from answerback.platforms.github.address import Address
from answerback.platforms.github.attachments import Remote
from answerback.platforms.github.calls import FULL, Calls, origin
from answerback.platforms.github.comment import Comment, comment_of, comments_of

_MOST_MOVES = 4
_SOURCES = re.compile(r'\b(?:src|href)="([^"]+)"')
_IMAGES = re.compile(r"(?:private-)?user-images\.githubusercontent\.com", re.ASCII)
_remote = msgspec.json.Decoder(Remote)


class Downloads:
    """Downloads attachments and the comments of reviews."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def fetch(self, attachment: Attachment) -> Exchange[bytes]:
        """See `Client.fetch`."""
        try:
            remote = _remote.decode(attachment.remote)
        except msgspec.MsgspecError as error:
            raise Rejected(f"where {attachment.name} is cannot be read: {error}") from error
        place = Address(repo=remote.repo, number=remote.number, installation=remote.installation)
        if remote.review:
            return (yield from self._review_comments(place, remote.review))
        if not self._is_githubs(remote.url):
            raise Rejected(f"{attachment.name} is not a file of this GitHub")
        response = yield from self._download(remote.url)
        if response.status in (401, 403, 404):
            signed = yield from self._signed_url(place, remote)
            if signed:
                response = yield from self._download(signed)
            elif origin(remote.url) == origin(self._calls.pages):
                authorization = yield from self._calls.credential.authorization(place.repo, place.installation)
                response = yield from self._download(remote.url, authorization)
        return _content(attachment, response)

    def _is_githubs(self, url: str) -> bool:
        scheme, host = origin(url)
        return (scheme, host) == origin(self._calls.pages) or (scheme == "https" and bool(_IMAGES.fullmatch(host)))

    def _download(self, url: str, authorization: str = "") -> Exchange[Response]:
        """Get a file. The credential is not sent to where it is stored."""
        headers = {"user-agent": "answerback", **({"authorization": authorization} if authorization else {})}
        for _ in range(_MOST_MOVES):
            response = yield from harmless(Request(method="GET", url=url, headers=headers))
            target = response.headers.get("location", "")
            if response.status not in (301, 302, 303, 307, 308) or not target:
                return response
            url = urljoin(url, target)
            if urlsplit(url).scheme not in ("https", "http"):
                break
            headers = {"user-agent": "answerback"}
        raise Rejected("the file's address leads elsewhere too often")

    def _signed_url(self, place: Address, remote: Remote) -> Exchange[str]:
        """Return the signed address of an image, which names the same file; "" if there is none."""
        rendered = yield from self._rendered(place, remote)
        name = urlsplit(remote.url).path.rpartition("/")[2]
        for source in _SOURCES.findall(rendered):
            url = html.unescape(source)
            if name in urlsplit(url).path and "jwt=" in urlsplit(url).query:
                return url
        return ""

    def _rendered(self, place: Address, remote: Remote) -> Exchange[str]:
        """Return the text that has the file, as HTML."""
        kind, _, id = remote.message.partition(":")
        doing = f"reading a message of {place.name}"
        if remote.node:
            query = discussions.RENDERED
            data = yield from self._calls.query(place, LAST, query, {"id": remote.node}, doing, gone=True)
            return (data.node.body_html if data.node else None) or ""
        paths = {
            "issue_comment": f"issues/comments/{id}",
            "pull_request_review_comment": f"pulls/comments/{id}",
            "pull_request_review": f"pulls/{place.number}/reviews/{id}",
        }
        url = f"{self._calls.repo(place)}/{paths.get(kind, f'issues/{place.number}')}"
        response = yield from self._calls.call(place, LAST, "GET", url, None, doing, accept=FULL)
        return read(response, comment_of, "GitHub", unknown=False).body_html or ""

    def _review_comments(self, place: Address, review: int) -> Exchange[bytes]:
        """Return the comments of a review on lines as Markdown; b"" if it has none."""
        url = f"{self._calls.repo(place)}/pulls/{place.number}/reviews/{review}/comments?per_page=100"
        response = yield from self._calls.call(place, LAST, "GET", url, None, f"reading a review of {place.name}")
        comments: list[Comment] = read(response, comments_of, "GitHub", unknown=False)
        return _markdown(comments).encode(errors="replace")


def _markdown(comments: Sequence[Comment]) -> str:
    return "\n\n".join(f"{_where(one)}:\n\n{one.body or ''}" for one in comments)


def _where(comment: Comment) -> str:
    line = comment.line or comment.original_line or 0
    lines = f"{comment.start_line}-{line}" if comment.start_line and comment.start_line != line else str(line)
    return f"**{comment.path or 'a file'}**{f', line {lines}' if line else ''}"


def _content(attachment: Attachment, response: Response) -> bytes:
    """Return the content of a file. Raises `Rejected` in words for the agent, or `Unavailable`."""
    if response.status >= 500 or response.status in (408, 429):
        raise Unavailable(f"GitHub answered {response.status} while downloading {attachment.name}", unknown=False)
    if response.status != 200:
        raise Rejected(
            f"{attachment.name} could not be downloaded ({response.status}): it is gone, or GitHub gives it only to "
            "people who are signed in"
        )
    if int(response.headers.get("content-length", "0").strip() or 0) > len(response.body):
        raise Rejected(f"{attachment.name} is too large to be downloaded")
    return response.body
