"""A reply that is shown while it is written: Slack's streams, or a message that is edited where there are none.

https://docs.slack.dev/reference/methods/chat.startStream
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from answerback.errors import Rejected, StreamClosed, TooLong
from answerback.messages import Identity
from answerback.outgoing import NO_CONTENT, Button, Select
from answerback.platforms import (
    Begun,
    Exchange,
    NextPage,
    Place,
    Prepared,
    Response,
    Sent,
    Streaming,
    StreamRequest,
    StreamTask,
)
from answerback.platforms.attempt import Attempt
from answerback.platforms.slack.answers import Replies, ts_of
from answerback.platforms.slack.changes import Call
from answerback.platforms.slack.metadata import key_of, metadata
from answerback.platforms.slack.place import SlackPlace
from answerback.platforms.slack.refusal import RefusedForm, error_of, gone
from answerback.replies import Reply

_UNAVAILABLE = {"unknown_method", "channel_type_not_supported", "method_not_supported_for_channel_type"}
"""Errors of a workspace (GovSlack) or a channel without streams."""

_STOPPED = "stopped_by_user"
_CLOSED = {"message_not_in_streaming_state", "streaming_state_conflict", _STOPPED, "msg_too_long"}
"""A stream ends by itself about five minutes after its start. It takes no more pieces then, and can be edited.

https://github.com/slackapi/python-slack-sdk/issues/1859
"""

_TASKS = {"running": "in_progress", "done": "complete", "failed": "error"}
_LONGEST_TITLE = 250


class MessageContent(Protocol):
    """Returns the content of a message with a text and buttons."""

    def __call__(
        self, key: str, text: str, actions: Sequence[Button | Select], /, *, plain: bool = False
    ) -> dict[str, object]: ...


class Api(NamedTuple):
    """What is needed of the client: calls, a post, a page of a thread from some time on, the content of a message.

    `account`: the scope of a limit of the whole workspace.
    """

    call: Call
    post: Callable[[Reply], Exchange[Sent | Prepared]]
    page: Callable[[Reply], Exchange[Replies]]
    words: MessageContent
    account: str


class SlackStreaming(Streaming):
    """See `Streaming`. The message gets its reply's key as metadata when it is ended: `chat.startStream` takes none."""

    default = True
    appends = True
    pace = 1.0
    edit_pace = 3.0
    # About half of what Slack allows in a workspace: tiers 2, 4 and 3. https://docs.slack.dev/apis/web-api/rate-limits
    budget: Mapping[StreamRequest, float] = {"begin": 10, "append": 60, "end": 25}

    def __init__(self, api: Api) -> None:
        self._api = api
        self._without: set[str] = set()
        """Channels without streams, and the teams of others."""

    def begin(self, reply: Reply, place: Place, tasks: Sequence[StreamTask] = ()) -> Exchange[Begun]:
        """https://docs.slack.dev/reference/methods/chat.startStream"""
        address = SlackPlace.of(reply)
        if self._without.isdisjoint((address.team, address.channel)):
            content = {
                "channel": address.channel,
                "thread_ts": address.thread_ts,
                "recipient_team_id": address.team,
                "recipient_user_id": place.author,
                **_pieces(reply.text, tasks),
            }
            doing = f"beginning a stream in {address.channel}"
            try:
                response, error = yield from self._call(reply, "chat.startStream", content, doing, _UNAVAILABLE)
            except Rejected:
                pass  # for example, the recipient is not a person of this workspace
            else:
                if not error:
                    return Begun(ts_of(response), open=True)
                self._without.add(address.team if error == "unknown_method" else address.channel)
        sent = yield from self._api.post(reply)
        assert isinstance(sent, Sent)  # it has no files
        return Begun(sent.message, sent.url)

    def append(self, reply: Reply, piece: str, tasks: Sequence[StreamTask] = ()) -> Exchange[None]:
        """https://docs.slack.dev/reference/methods/chat.appendStream"""
        address = SlackPlace.of(reply)
        content = {"channel": address.channel, "ts": reply.message, **_pieces(piece, tasks)}
        doing = f"adding to a stream in {address.channel}"
        _, error = yield from self._call(reply, "chat.appendStream", content, doing, _CLOSED)
        if error:
            raise StreamClosed(f"Slack takes no more of the stream: {error}", stopped=error == _STOPPED)

    def end(self, reply: Reply) -> Exchange[Sent]:
        """Stop the stream, with the rest of the text if it is certain what it shows, or edit the message afterwards.

        https://docs.slack.dev/reference/methods/chat.stopStream
        https://docs.slack.dev/reference/methods/chat.update
        """
        address, shown = SlackPlace.of(reply), reply.shown
        message = {"channel": address.channel, "ts": reply.message}
        if shown and shown.open:
            # Buttons come with an edit.
            certain = bool(reply.text) and reply.content is None and shown.begins(reply.text)
            rest = reply.text[shown.length :] if certain else ""
            content = {**message, "metadata": metadata(reply.key), **({"markdown_text": rest} if rest else {})}
            doing = f"ending a stream in {address.channel}"
            try:
                _, error = yield from self._call(
                    reply, "chat.stopStream", content, doing, {*_CLOSED, "message_not_found"}
                )
            except RefusedForm:
                # The rest is too much for one message: it stays open, and is stopped without it.
                error = "refused"
                yield from self._call(reply, "chat.stopStream", message, doing, {*_CLOSED, "message_not_found"})
            if certain and not error:
                return Sent(reply.message, reply.url)
        if not reply.text:
            doing = f"deleting a message in {address.channel}"
            yield from self._call(reply, "chat.delete", message, doing, {"message_not_found"})
            return Sent("")
        return (yield from self._update(reply, message))

    def _update(self, reply: Reply, message: Mapping[str, str]) -> Exchange[Sent]:
        actions = (reply.content or NO_CONTENT).actions
        doing = f"editing a message in {message['channel']}"
        for plain in (False, True):
            words = self._api.words(reply.key, reply.text, actions, plain=plain)
            content = {**message, **words, "metadata": metadata(reply.key)}
            try:
                _, error = yield from self._call(reply, "chat.update", content, doing, {"message_not_found"})
            except RefusedForm as refusal:
                if plain and refusal.too_long:
                    raise TooLong(str(refusal)) from refusal
                if plain:
                    raise
            else:
                if error:
                    raise gone(Attempt.of(reply), f"Slack refused {doing}: the message is gone")
                break
        return Sent(reply.message, reply.url)

    def find(self, reply: Reply, account: Identity, known: Collection[str] = ()) -> Exchange[Sent | NextPage | None]:
        """Find our message that was begun: it has this reply's key, or none, and follows the event's message.

        A stream has no key before it is ended. Only this turn writes messages of ours here, and all others have keys.
        """
        key = reply.shown.key if reply.shown else reply.key
        replies = yield from self._api.page(reply)
        for message in replies.messages:
            its_key = key_of(message.metadata)
            unfinished = not its_key and float(message.ts or 0) * 1000 > reply.at
            if account.wrote(message.identities) and message.ts not in known and (its_key == key or unfinished):
                return Sent(message.ts)
        return NextPage(replies.cursor) if replies.cursor else None

    def limits(self, reply: Reply, request: StreamRequest) -> Sequence[str]:
        """Return the scopes: each method has its own in a workspace."""
        address = SlackPlace.of(reply)
        names = {
            "begin": ["chat.startStream"],
            "append": ["chat.appendStream"],
            "end": ["chat.stopStream", "chat.update", "chat.delete"],
        }[request]
        posts = [address.channel] if request == "begin" else []
        return [self._api.account, *posts, *(address.scope(name) for name in names)]

    def _call(
        self, reply: Reply, name: str, content: Mapping[str, object], doing: str, accepted: Collection[str]
    ) -> Exchange[tuple[Response, str]]:
        """Make a request. Return its response, and its error if that is one of those `accepted`."""
        response = yield from self._api.call(
            "POST", name, content, doing, Attempt.of(reply),
            scope=SlackPlace.of(reply).scope(name), effect=True, accepted=accepted,
        )  # fmt: skip
        return response, error_of(response)


def _pieces(text: str, tasks: Sequence[StreamTask]) -> dict[str, object]:
    """Return a piece of the text, with the tasks that have begun or ended before it."""
    if not tasks:
        return {"markdown_text": text}
    chunks: list[dict[str, str]] = [
        {"type": "task_update", "id": task.id, "title": task.title[:_LONGEST_TITLE], "status": _TASKS[task.state]}
        for task in tasks
    ]
    return {"chunks": [*chunks, *([{"type": "markdown_text", "text": text}] if text else [])]}
