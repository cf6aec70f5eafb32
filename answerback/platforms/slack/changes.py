"""Exchanges that change what is in a channel: edit and delete our messages, react. Each may be repeated."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal, Protocol

from answerback.errors import TooLong
from answerback.outgoing import NO_CONTENT
from answerback.platforms import Exchange, Response, Sent
from answerback.platforms.attempt import Attempt
from answerback.platforms.slack.blocks import blocks, fallback
from answerback.platforms.slack.place import SlackPlace
from answerback.platforms.slack.refusal import RefusedForm
from answerback.replies import Reply

METHODS = {"edit": "chat.update", "delete": "chat.delete", "reaction": "reactions.add", "form": "views.open"}
"""The method that makes a kind of reply."""


class Call(Protocol):
    """Calls a method of Slack's Web API: see `Slack`."""

    def __call__(
        self, method: Literal["GET", "POST"], name: str, content: Mapping[str, object], doing: str, attempt: Attempt,
        /, *, scope: str = "", effect: bool = False, accepted: Collection[str] = (),
    ) -> Exchange[Response]: ...  # fmt: skip


def edit(call: Call, reply: Reply, text: str) -> Exchange[Sent]:
    """Replace a message; if Slack refuses the formatting, by plain text.

    https://docs.slack.dev/reference/methods/chat.update
    """
    place, content, attempt = SlackPlace.of(reply), reply.content or NO_CONTENT, Attempt.of(reply)
    # Blocks always: they replace the blocks that the message had, also those that Slack made of its Markdown.
    update = {"channel": place.channel, "ts": content.target, "text": fallback(text)}
    doing, scope = f"editing a message in {place.channel}", place.scope("chat.update")
    for plain in (False, True):
        shown = blocks(text, content.actions, reply.key, plain=plain)
        try:
            yield from call(
                "POST", "chat.update", {**update, "blocks": shown}, doing, attempt, scope=scope, effect=True
            )
        except RefusedForm as refusal:
            if plain and refusal.too_long:
                raise TooLong(str(refusal)) from refusal
            if plain:
                raise
        else:
            break
    return Sent(content.target)


def delete(call: Call, reply: Reply) -> Exchange[Sent]:
    """Delete a message. One that is gone is deleted. Messages with files are deleted with their files.

    https://docs.slack.dev/reference/methods/chat.delete, https://docs.slack.dev/reference/methods/files.delete
    """
    place, target, attempt = SlackPlace.of(reply), (reply.content or NO_CONTENT).target, Attempt.of(reply)
    doing = f"deleting a message in {place.channel}"
    if target.startswith("F"):
        for file in target.split(","):
            yield from call(
                "POST", "files.delete", {"file": file}, doing, attempt,
                scope=place.scope("files.delete"), effect=True, accepted=("file_not_found", "file_deleted"),
            )  # fmt: skip
        return Sent(target)
    # A message that was just posted may not be known everywhere.
    gone = ("message_not_found",) if attempt.refusals else ()
    which = {"channel": place.channel, "ts": target}
    scope = place.scope("chat.delete")
    yield from call("POST", "chat.delete", which, doing, attempt, scope=scope, effect=True, accepted=gone)
    return Sent(target)


def react(call: Call, reply: Reply) -> Exchange[Sent]:
    """Add a reaction, or remove it.

    https://docs.slack.dev/reference/methods/reactions.add, https://docs.slack.dev/reference/methods/reactions.remove
    """
    place, content, attempt = SlackPlace.of(reply), reply.content or NO_CONTENT, Attempt.of(reply)
    name, done = ("reactions.remove", "no_reaction") if content.removed else ("reactions.add", "already_reacted")
    which = {"channel": place.channel, "timestamp": content.target, "name": content.reaction}
    doing, scope = f"reacting in {place.channel}", place.scope("reactions.add")
    yield from call("POST", name, which, doing, attempt, scope=scope, effect=True, accepted=(done,))
    return Sent(content.target)
