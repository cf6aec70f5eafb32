"""A reply that is shown while it is written: a comment that is edited at a calm pace."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import msgspec

from answerback.errors import MessageGone, NotYet, Rejected
from answerback.messages import Identity
from answerback.platforms import Begun, Exchange, NextPage, Place, Prepared, Sent, Streaming, StreamRequest, StreamTask
from answerback.platforms.attempt import PASSING, Attempt
from answerback.platforms.github.address import Address
from answerback.platforms.github.calls import Calls
from answerback.platforms.github.marker import with_marker
from answerback.replies import Reply

_AREAS = {"issue_comment": "issues", "pull_request_review_comment": "pulls"}
_GONE = (404, 410)


class Api(NamedTuple):
    """What is needed of the client."""

    calls: Calls
    post: Callable[[Reply], Exchange[Sent | Prepared]]
    find: Callable[[Reply, Identity], Exchange[Sent | NextPage | None]]
    limits: Callable[[Reply], Sequence[str]]


class GitHubStreaming(Streaming):
    """See `Streaming`. Comments of issues and pull requests; in discussions, replies are posted when they are complete.

    People who watch the thread are notified once, when the comment is created. Each edit counts as content that is
    created, of which GitHub allows 80 a minute and 500 an hour.
    """

    default = False
    appends = False
    pace = 10.0
    edit_pace = 10.0
    budget: Mapping[StreamRequest, float] = {"begin": 6, "append": 0, "end": 8}

    def __init__(self, api: Api) -> None:
        self._api = api

    def begin(self, reply: Reply, place: Place, tasks: Sequence[StreamTask] = ()) -> Exchange[Begun]:
        if Address.of(reply).discussion:
            raise Rejected("comments of discussions are posted when they are complete")
        sent = yield from self._api.post(reply)
        assert isinstance(sent, Sent)  # it is a comment
        return Begun(sent.message, sent.url)

    def append(self, reply: Reply, piece: str, tasks: Sequence[StreamTask] = ()) -> Exchange[None]:
        yield from self.end(reply)

    def end(self, reply: Reply) -> Exchange[Sent]:
        """https://docs.github.com/en/rest/issues/comments#update-an-issue-comment and its like"""
        place, attempt = Address.of(reply), Attempt.of(reply)
        kind, _, id = reply.message.partition(":")
        if kind not in _AREAS:
            raise Rejected(f"GitHub has no comment of this kind: {reply.message}")
        call, url = self._api.calls.call, f"{self._api.calls.repo(place)}/{_AREAS[kind]}/comments/{id}"
        if not reply.text:
            doing = f"deleting a comment in {place.name}"
            yield from call(place, attempt, "DELETE", url, None, doing, effect=True, accepted=_GONE)
            return Sent("")
        doing = f"editing a comment in {place.name}"
        content = {"body": with_marker(reply.text, reply.key)}
        response = yield from call(place, attempt, "PATCH", url, content, doing, effect=True, accepted=_GONE)
        if response.status in _GONE:
            words = f"GitHub refused {doing}: the comment is gone"
            raise NotYet(words) if attempt.refusals < PASSING else MessageGone(words)
        return Sent(reply.message, reply.url)

    def find(self, reply: Reply, account: Identity, known: Collection[str] = ()) -> Exchange[Sent | NextPage | None]:
        begun = msgspec.structs.replace(reply, key=reply.shown.key) if reply.shown else reply
        return (yield from self._api.find(begun, account))

    def limits(self, reply: Reply, request: StreamRequest) -> Sequence[str]:
        return self._api.limits(reply)
