"""Reactions to issues, pull requests, discussions and what is written there. A repeat changes nothing.

https://docs.github.com/en/rest/reactions/reactions
"""

from __future__ import annotations

import msgspec

from answerback.errors import Rejected
from answerback.platforms import Exchange, Sent
from answerback.platforms.answer import read
from answerback.platforms.attempt import Attempt
from answerback.platforms.decoding import Spare
from answerback.platforms.github import discussions
from answerback.platforms.github.address import Address
from answerback.platforms.github.calls import Calls
from answerback.platforms.github.edits import Edits, Target
from answerback.platforms.github.payload import User
from answerback.replies import Reply

# Names that people use → GitHub's names. https://docs.github.com/en/rest/reactions/reactions#about-reactions
_NAMES = {
    "+1": "+1", "thumbsup": "+1", "-1": "-1", "thumbsdown": "-1", "laugh": "laugh", "smile": "laugh",
    "confused": "confused", "heart": "heart", "hooray": "hooray", "tada": "hooray", "rocket": "rocket", "eyes": "eyes",
}  # fmt: skip
_GRAPHQL = {
    "+1": "THUMBS_UP", "-1": "THUMBS_DOWN", "laugh": "LAUGH", "confused": "CONFUSED", "heart": "HEART",
    "hooray": "HOORAY", "rocket": "ROCKET", "eyes": "EYES",
}  # fmt: skip
_PAGE, _MOST_PAGES = 100, 10
_GONE = (404, 410)


class _Reaction(msgspec.Struct):
    id: int
    content: Spare[str] = None
    user: Spare[User] = None


_reaction = msgspec.json.Decoder(_Reaction)
_reactions = msgspec.json.Decoder(list[_Reaction])


class Reactions:
    """Gives reactions and takes them back."""

    def __init__(self, calls: Calls, edits: Edits) -> None:
        self._calls, self._edits = calls, edits

    def check(self, reply: Reply) -> str:
        """See `Client.check`."""
        content = reply.content
        if content and content.target.startswith("check_run:"):
            return "a check run takes no reactions"
        if content and content.reaction not in _NAMES:
            return f'GitHub has no reaction "{content.reaction}": use one of {", ".join(sorted(set(_NAMES.values())))}'
        return ""

    def give(self, reply: Reply) -> Exchange[Sent]:
        """React, or take a reaction back."""
        place, attempt, content = Address.of(reply), Attempt.of(reply), reply.content
        if content is None or content.reaction not in _NAMES:
            raise Rejected("the reply has no reaction that GitHub knows")
        if content.removed:
            yield from self.remove(place, attempt, content.target, content.reaction)
            return Sent("")
        return Sent((yield from self.add(place, attempt, content.target, content.reaction)))

    def add(self, place: Address, attempt: Attempt, message: str, name: str) -> Exchange[str]:
        """React to a message; "" is what the thread is about. Return the reaction's id."""
        content, doing = _NAMES[name], f"reacting in {place.name}"
        url, node = yield from self._subject(place, attempt, message)
        if node:
            variables: dict[str, str | None] = {"id": node, "content": _GRAPHQL[content]}
            yield from self._calls.query(place, attempt, discussions.REACT, variables, doing, effect=True)
            return f"reaction:{content}"
        body = {"content": content}
        response = yield from self._calls.call(place, attempt, "POST", url, body, doing, effect=True)
        return f"reaction:{read(response, _reaction, 'GitHub', unknown=True).id}"

    def remove(self, place: Address, attempt: Attempt, message: str, name: str) -> Exchange[None]:
        """Take our reaction to a message back. One that is not there counts as taken back."""
        content, doing = _NAMES[name], f"taking a reaction back in {place.name}"
        url, node = yield from self._subject(place, attempt, message)
        if node:
            variables: dict[str, str | None] = {"id": node, "content": _GRAPHQL[content]}
            query = discussions.UNREACT
            yield from self._calls.query(place, attempt, query, variables, doing, effect=True, gone=True)
            return
        # A reaction is identified by the account that asks for it: giving it again returns the one that is there.
        body = {"content": content}
        response = yield from self._calls.call(place, attempt, "POST", url, body, doing, effect=True, accepted=_GONE)
        if response.status in _GONE:
            return
        id = read(response, _reaction, "GitHub", unknown=True).id
        yield from self._calls.call(place, attempt, "DELETE", f"{url}/{id}", None, doing, effect=True, accepted=_GONE)

    def _subject(self, place: Address, attempt: Attempt, message: str) -> Exchange[tuple[str, str]]:
        """Return the URL of a message's reactions, or its node id where only GraphQL can react to it."""
        if place.discussion:
            if not message or message.startswith("discussion:"):
                return "", place.discussion
            if place.node and message == place.message:
                return "", place.node
            if node := (yield from self._edits.node(place, attempt, message)):
                return "", node
            raise Rejected(f"the comment to react to in {place.name} is gone")
        repo = self._calls.repo(place)
        kind = message.partition(":")[0]
        if kind in ("", "issue", "pull_request"):
            return f"{repo}/issues/{place.number}/reactions", ""
        if kind == "pull_request_review":
            if not place.node:
                raise Rejected("only the review of the event can be reacted to, not an earlier one")
            return "", place.node
        target = Target.of(message)
        areas = {"issue_comment": "issues", "pull_request_review_comment": "pulls"}
        if kind not in areas:
            raise Rejected(f'it is not possible to react to "{message}" on GitHub')
        return f"{repo}/{areas[kind]}/comments/{target.id}/reactions", ""
