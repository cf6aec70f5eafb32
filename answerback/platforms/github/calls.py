"""Requests to GitHub's API with our credential: signed, checked, redirected; REST and GraphQL."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Literal
from urllib.parse import quote, urlsplit

import msgspec

from answerback.errors import NotYet, Rejected
from answerback.events import Address as EventAddress
from answerback.platforms import Exchange, Request, Response
from answerback.platforms.answer import harmless, read
from answerback.platforms.attempt import Attempt
from answerback.platforms.github import discussions
from answerback.platforms.github.address import Address
from answerback.platforms.github.credential import HEADERS, Credential
from answerback.platforms.github.rate_limits import bucket
from answerback.platforms.github.refusal import GraphError, Signed, check, check_graph, missing

Method = Literal["GET", "POST", "PATCH", "PUT", "DELETE"]

FULL = "application/vnd.github.full+json"
"""Asks for a text's rendered form besides the text."""

_MOST_MOVES = 3


class _Graph(msgspec.Struct):
    data: discussions.Data | None = None
    errors: list[GraphError] | None = None


_graph = msgspec.json.Decoder(_Graph)


class Calls:
    """Makes requests in the name of one credential. `api`: the base URL of the REST API."""

    def __init__(self, credential: Credential, api: str, clock: Callable[[], float]) -> None:
        self.credential, self.api, self.clock = credential, api, clock
        # GitHub Enterprise has its REST API at /api/v3, GraphQL at /api/graphql, and its pages at its root:
        # https://docs.github.com/en/enterprise-server/graphql/guides/forming-calls-with-graphql
        self._graphql = f"{api.removesuffix('/v3')}/graphql"
        self.pages = "https://github.com" if api == "https://api.github.com" else api.removesuffix("/api/v3")

    def __repr__(self) -> str:
        return f"GitHub({self.api}, {self.credential.name})"

    def repo(self, place: Address) -> str:
        """Return the URL of a repository."""
        return f"{self.api}/repos/{quote(place.repo)}"

    def scopes(self, address: EventAddress, *resources: str) -> Sequence[str]:
        """Return the scopes of `RateLimited` that apply to requests about an address.

        GraphQL has limits of its own:
        https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
        """
        installation = address.get("installation", 0)
        scope = self.credential.scope(installation if isinstance(installation, int) else 0)
        found = ["", scope]
        for resource in resources or ("graphql" if address.get("discussion") else "core",):
            found += [bucket("", resource), bucket(scope, resource)]
        return list(dict.fromkeys(found))

    def call(
        self,
        place: Address,
        attempt: Attempt,
        method: Method,
        url: str,
        content: object,
        doing: str,
        *,
        effect: bool = False,
        accepted: Collection[int] = (),
        accept: str = "",
    ) -> Exchange[Response]:
        """Make one checked request. Follows redirects, and renews a refused token once unless it is new.

        Args:
            effect: Whether it may take effect although its response is lost.
            accepted: Statuses that are not errors here.
            accept: The media type to ask for.
        """
        response = yield from self._signed(place, attempt, method, url, content, effect, accept)
        scope, signed = self._signature(place)
        if response.status == 401 and not signed.young and self.credential.forget(place.installation):
            response = yield from self._signed(place, attempt, method, url, content, effect, accept)
            scope, signed = self._signature(place)
        if response.status not in accepted:
            check(response, self.clock(), signed, doing=doing, scope=scope, unknown=effect, attempt=attempt)
        return response

    def query(
        self,
        place: Address,
        attempt: Attempt,
        query: str,
        variables: Mapping[str, str | None],
        doing: str,
        *,
        effect: bool = False,
        gone: bool = False,
    ) -> Exchange[discussions.Data]:
        """Make a GraphQL request. `gone`: what does not exist (any more) is not an error."""
        content = {"query": query, "variables": variables}
        response = yield from self.call(place, attempt, "POST", self._graphql, content, doing, effect=effect)
        answer = read(response, _graph, "GitHub", unknown=effect)
        data = answer.data or discussions.Data()
        if data.added and data.added.comment:
            return data  # the comment was created; an error is only about one of its fields
        errors = [error for error in answer.errors or [] if not (gone and error.kind == "NOT_FOUND")]
        scope, signed = self._signature(place)
        now = self.clock()
        check_graph(errors, response, now, signed, doing=doing, scope=scope, unknown=effect, attempt=attempt)
        return data

    def missing(self, place: Address, attempt: Attempt, words: str) -> NotYet | Rejected:
        """Return the error for something that GitHub does not know."""
        _, signed = self._signature(place)
        return missing(words, attempt, signed, fresh=attempt.fresh(self.clock()))

    def _signature(self, place: Address) -> tuple[str, Signed]:
        installation = place.installation
        return self.credential.scope(installation), self.credential.signed(place.repo, installation)

    def _signed(
        self, place: Address, attempt: Attempt, method: Method, url: str, content: object, effect: bool, accept: str
    ) -> Exchange[Response]:
        authorization = yield from self.credential.authorization(place.repo, place.installation, attempt)
        headers = {**HEADERS, "authorization": authorization, **({"accept": accept} if accept else {})}
        body = b"" if content is None else msgspec.json.encode(content)
        for _ in range(_MOST_MOVES):
            request = Request(method=method, url=url, headers=headers, body=body)
            response = (yield request) if effect else (yield from harmless(request))
            # A renamed repository responds with its new URL and did nothing. The credential is sent only to our API.
            # https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
            target = response.headers.get("location", "")
            if response.status not in (301, 302, 307, 308) or origin(target) != origin(self.api):
                return response
            url = target
        raise Rejected(f"GitHub redirects too often for {place.name}")


def origin(url: str) -> tuple[str, str]:
    """Return the scheme and the host of a URL; two empty texts if it is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc
