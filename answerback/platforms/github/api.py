"""GitHub's API with our credential: identify ourselves, post a comment, find a posted comment."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal
from urllib.parse import quote, urlsplit

import msgspec

from answerback.errors import NotYet, Rejected, Unavailable
from answerback.messages import Identity
from answerback.platforms import FIND, Client, Exchange, NextPage, Repeat, Request, Response, Sent
from answerback.platforms.answer import harmless, moment, read
from answerback.platforms.attempt import Attempt
from answerback.platforms.blocks import closing
from answerback.platforms.decoding import Spare
from answerback.platforms.github import discussions
from answerback.platforms.github.address import Address
from answerback.platforms.github.authors import identities
from answerback.platforms.github.credential import HEADERS, Credential
from answerback.platforms.github.marker import ROOM, marked, marker, unmarked
from answerback.platforms.github.payload import App, User
from answerback.platforms.github.rate_limits import bucket
from answerback.platforms.github.refusal import GraphError, Signed, check, check_graph, missing
from answerback.platforms.github.teams import calm
from answerback.platforms.text import split
from answerback.replies import Reply

LIMIT = 65_536
"""Maximum length of a comment including our marker, in characters."""

_PAGE, _MOST_MOVES = 100, 3
_MARGIN = 600.0
"""Seconds before the first attempt at which the search for a reply starts: clocks differ, and `since` is exact."""


class _Comment(msgspec.Struct):
    id: int
    html_url: Spare[str] = None
    body: Spare[str] = None
    user: Spare[User] = None
    performed_via_github_app: Spare[App] = None

    @property
    def identities(self) -> tuple[str, ...]:
        return identities(self.user, self.performed_via_github_app) if self.user else ()


class _Graph(msgspec.Struct):
    data: discussions.Data | None = None
    errors: list[GraphError] | None = None


_comment = msgspec.json.Decoder(_Comment)
_comments = msgspec.json.Decoder(list[_Comment])
_graph = msgspec.json.Decoder(_Graph)


class GitHub(Client):
    """See `Client`. A comment ends with a hidden marker with the reply's key, by which `find` recognises it."""

    # A comment may have been created despite a 5xx, and lists may lag behind writes:
    # https://github.com/probot/probot/issues/921 https://github.com/buildasaurs/Buildasaur/issues/163
    lag = 2.0

    def __init__(
        self, credential: Credential, api: str, clock: Callable[[], float] = time.time, *, teams: bool = False
    ) -> None:
        """Create a client. `teams`: whether a reply may notify whole teams."""
        self._credential, self._api, self._clock, self._teams = credential, api, clock, teams
        # GitHub Enterprise has its REST API at /api/v3 and GraphQL at /api/graphql:
        # https://docs.github.com/en/enterprise-server/graphql/guides/forming-calls-with-graphql
        self._graphql = f"{api.removesuffix('/v3')}/graphql"

    def __repr__(self) -> str:
        return f"GitHub({self._api}, {self._credential.name})"

    def whoami(self) -> Exchange[Identity]:
        return self._credential.whoami()

    def split(self, text: str) -> list[str]:
        return split(text if self._teams else calm(text), LIMIT - ROOM)

    def post(self, reply: Reply) -> Exchange[Sent]:
        """https://docs.github.com/en/rest/issues/comments#create-an-issue-comment and its like"""
        place, attempt, body = Address.of(reply), Attempt.of(reply), _marked(reply)
        doing = f"replying to {place.name}"
        if place.discussion:
            parent = (yield from self._parent(place, attempt)) if place.comment else None
            variables = {"discussion": place.discussion, "parent": parent, "body": body}
            data = yield from self._query(place, attempt, discussions.ADD, variables, doing, effect=True)
            if not data.added or not data.added.comment:
                raise Unavailable(f"GitHub's response lacks the new comment while {doing}")
            return Sent(data.added.comment.message, data.added.comment.url or "")
        url = self._comments(place) + (f"/{place.root}/replies" if place.root else "")
        response = yield from self._call(place, attempt, "POST", url, {"body": body}, doing, effect=True)
        comment = read(response, _comment, "GitHub", unknown=True)
        return _sent(place, comment)

    def repeat(self, reply: Reply) -> Repeat:
        return FIND

    def find(self, reply: Reply, account: Identity) -> Exchange[Sent | NextPage | None]:
        """Find our comment with this reply's marker, from ten minutes before the first attempt on, 100 per page."""
        place, attempt = Address.of(reply), Attempt.of(reply)
        if place.discussion:
            return (yield from self._find_in_discussion(reply, place, attempt, account))
        page = int(reply.cursor) if reply.cursor.isdecimal() else 1
        since = f"&since={moment(reply.first, _MARGIN):%Y-%m-%dT%H:%M:%SZ}" if reply.first else ""
        url = f"{self._comments(place)}?per_page={_PAGE}&page={page}{since}"
        doing = f"looking for a reply in {place.name}"
        response = yield from self._call(place, attempt, "GET", url, None, doing)
        comments = read(response, _comments, "GitHub", unknown=False)
        for comment in comments:
            if marked(comment.body or "") == reply.key and account.wrote(comment.identities):
                return _sent(place, comment)
        return None if len(comments) < _PAGE else NextPage(str(page + 1))

    def _find_in_discussion(
        self, reply: Reply, place: Address, attempt: Attempt, account: Identity
    ) -> Exchange[Sent | NextPage | None]:
        start = moment(reply.first, _MARGIN)
        subject = (yield from self._parent(place, attempt)) if place.comment else place.discussion
        variables = {"id": subject, "before": reply.cursor or None}
        doing = f"looking for a reply in {place.name}"
        data = yield from self._query(place, attempt, discussions.COMMENTS, variables, doing)
        if not data.node or not data.node.page:
            raise self._missing(place, attempt, f"{place.name} is gone, or {self._credential.name} may not see it")
        comments = [comment for comment in data.node.page.nodes if comment]
        for comment in comments:
            if marked(comment.body) == reply.key and account.wrote(comment.identities):
                return Sent(comment.message, comment.url or "")
        info = data.node.page.page_info
        older = comments[0].created_at if comments else None
        if not info.has_previous_page or not info.start_cursor or (older and older < start):
            return None
        return NextPage(info.start_cursor)

    def limits(self, reply: Reply, *, looking: bool) -> Sequence[str]:
        """Return the credential's scopes: GraphQL, which discussions use, has limits of its own.

        https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
        """
        installation = reply.address.get("installation", 0)
        scope = self._credential.scope(installation if isinstance(installation, int) else 0)
        resource = "graphql" if reply.address.get("discussion") else "core"
        return list(dict.fromkeys(["", scope, bucket("", resource), bucket(scope, resource)]))

    def _parent(self, place: Address, attempt: Attempt) -> Exchange[str]:
        """Return the top comment of a discussion's comment thread: only that can be replied to."""
        variables = {"id": place.comment}
        data = yield from self._query(place, attempt, discussions.PARENT, variables, f"reading {place.name}")
        if not data.node or not data.node.id:
            raise self._missing(place, attempt, f"the comment to reply to in {place.name} is gone")
        return data.node.reply_to.id if data.node.reply_to else data.node.id

    def _missing(self, place: Address, attempt: Attempt, words: str) -> NotYet | Rejected:
        _, signed = self._signature(place)
        return missing(words, attempt, signed, fresh=attempt.fresh(self._clock()))

    def _query(
        self,
        place: Address,
        attempt: Attempt,
        query: str,
        variables: Mapping[str, str | None],
        doing: str,
        *,
        effect: bool = False,
    ) -> Exchange[discussions.Data]:
        content = {"query": query, "variables": variables}
        response = yield from self._call(place, attempt, "POST", self._graphql, content, doing, effect=effect)
        answer = read(response, _graph, "GitHub", unknown=effect)
        data = answer.data or discussions.Data()
        if data.added and data.added.comment:
            return data  # the comment was created; an error is only about one of its fields
        scope, signed = self._signature(place)
        now = self._clock()
        check_graph(
            answer.errors or [], response, now, signed, doing=doing, scope=scope, unknown=effect, attempt=attempt
        )
        return data

    def _call(
        self,
        place: Address,
        attempt: Attempt,
        method: Literal["GET", "POST"],
        url: str,
        content: object,
        doing: str,
        *,
        effect: bool = False,
    ) -> Exchange[Response]:
        """Make one checked request. Follows redirects, and renews a refused token once unless it is new."""
        response = yield from self._signed(place, attempt, method, url, content, effect)
        scope, signed = self._signature(place)
        if response.status == 401 and not signed.young and self._credential.forget(place.installation):
            response = yield from self._signed(place, attempt, method, url, content, effect)
            scope, signed = self._signature(place)
        check(response, self._clock(), signed, doing=doing, scope=scope, unknown=effect, attempt=attempt)
        return response

    def _signature(self, place: Address) -> tuple[str, Signed]:
        installation = place.installation
        return self._credential.scope(installation), self._credential.signed(place.repo, installation)

    def _signed(
        self, place: Address, attempt: Attempt, method: Literal["GET", "POST"], url: str, content: object, effect: bool
    ) -> Exchange[Response]:
        authorization = yield from self._credential.authorization(place.repo, place.installation, attempt)
        headers = {**HEADERS, "authorization": authorization}
        body = b"" if content is None else msgspec.json.encode(content)
        for _ in range(_MOST_MOVES):
            request = Request(method=method, url=url, headers=headers, body=body)
            response = (yield request) if effect else (yield from harmless(request))
            # A renamed repository responds with its new URL and did nothing. The credential is sent only to our API.
            # https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
            target = response.headers.get("location", "")
            if response.status not in (301, 302, 307, 308) or _origin(target) != _origin(self._api):
                return response
            url = target
        raise Rejected(f"GitHub redirects too often for {place.name}")

    def _comments(self, place: Address) -> str:
        kind = "pulls" if place.root else "issues"  # a pull request's own conversation is an issue's
        return f"{self._api}/repos/{quote(place.repo)}/{kind}/{place.number}/comments"


def _marked(reply: Reply) -> str:
    text = unmarked(reply.text)
    return f"{text}{closing(text)}\n\n{marker(reply.key)}"


def _sent(place: Address, comment: _Comment) -> Sent:
    kind = "pull_request_review_comment" if place.root else "issue_comment"
    return Sent(f"{kind}:{comment.id}", comment.html_url or "")


def _origin(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc
