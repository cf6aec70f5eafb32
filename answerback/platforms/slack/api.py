"""Slack's Web API with our bot token: identify ourselves, post a message, find a posted message."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Literal
from urllib.parse import urlencode

import msgspec

from answerback.errors import TooLong
from answerback.messages import Attachment, Identity
from answerback.outgoing import NO_CONTENT, Button, Select
from answerback.platforms import (
    FIND,
    NATIVE,
    UNKNOWN,
    Client,
    Exchange,
    Extra,
    NextPage,
    Prepared,
    Repeat,
    Request,
    Response,
    Sent,
)
from answerback.platforms.answer import harmless, moment, read
from answerback.platforms.attempt import LAST, Attempt
from answerback.platforms.slack import changes, files, modals
from answerback.platforms.slack.answers import Replies, replies, ts_of, whoami
from answerback.platforms.slack.blocks import blocks, fallback
from answerback.platforms.slack.blocks import check as check_blocks
from answerback.platforms.slack.catchup import SlackMessages
from answerback.platforms.slack.downloads import Downloads
from answerback.platforms.slack.history import SlackHistory
from answerback.platforms.slack.metadata import client_message_id, key_of, metadata
from answerback.platforms.slack.mrkdwn import calm, escaped
from answerback.platforms.slack.names import SlackNames
from answerback.platforms.slack.parts import cut
from answerback.platforms.slack.place import SlackPlace
from answerback.platforms.slack.presence import SlackPresence
from answerback.platforms.slack.refusal import RefusedForm, check, error_of
from answerback.platforms.slack.response_urls import OUTSIDE, outside, respond
from answerback.platforms.slack.streaming import Api, SlackStreaming
from answerback.platforms.text import split
from answerback.replies import Reply, ReplyKind

LIMIT = 11_000
"""Maximum length of a part, in characters. Slack accepts 12,000 of `markdown_text`, but how it counts is undocumented.

https://docs.slack.dev/reference/methods/chat.postMessage#arg_markdown_text
"""

_PAGE = 200
_MARGIN = 300.0
"""Seconds before the first attempt at which the search for a reply starts, since clocks differ."""


class Slack(Client):
    """See `Client`. A message carries its reply's key as hidden metadata, by which `find` recognises it."""

    kinds: frozenset[ReplyKind] = frozenset({"message", "edit", "delete", "reaction", "form"})
    extras: frozenset[Extra] = frozenset({"actions", "files"})
    files_a_message = files.MOST

    def __init__(
        self,
        token: str,
        api: str,
        clock: Callable[[], float] = time.time,
        *,
        groups: bool = False,
        account: str = "",
    ) -> None:
        """Create a client.

        Args:
            token: A bot token.
            api: Base URL of the API.
            clock: Returns the time in seconds.
            groups: Whether a reply may notify user groups or everyone in a channel.
            account: The workspace whose token it is; "" for the configured one.
        """
        self._token, self._api, self._clock, self._groups, self._account = token, api, clock, groups, account
        self._presence = SlackPresence(self._call, clock)
        self._history = SlackHistory(self._call)
        self._names = SlackNames(self._call)
        self._downloads = Downloads(self._call, token, api)
        self._streaming = SlackStreaming(Api(self._call, self.post, self._page, _shown, account))

    def __repr__(self) -> str:
        return f"Slack({self._api})"

    def whoami(self) -> Exchange[Identity]:
        """https://docs.slack.dev/reference/methods/auth.test"""
        response = yield from self._call("POST", "auth.test", {}, "asking who we are", LAST)
        who = read(response, whoami, "Slack", unknown=False)
        marks = (("user", who.user_id), ("bot", who.bot_id), ("app", who.app_id))
        return Identity(
            name=f"@{who.user or who.user_id} ({who.team or 'Slack'})",
            mentions=(who.user_id.lower(),),
            marks=tuple(f"{what}:{which}" for what, which in marks if which),
            person=not who.bot_id,
        )

    def granted(self) -> Exchange[frozenset[str] | None]:
        """Return the token's scopes, which Slack names in each response."""
        response = yield from self._call("POST", "auth.test", {}, "asking what we may do", LAST)
        scopes = response.headers.get("x-oauth-scopes")
        return None if scopes is None else frozenset(scope.strip() for scope in scopes.split(","))

    def split(self, text: str) -> list[str]:
        return [part for some in split(self._calm(text), LIMIT) for part in cut(some)]

    def post(self, reply: Reply) -> Exchange[Sent | Prepared]:
        """Post to the thread as standard markdown, which is what models write and `text` does not accept.

        If Slack refuses the formatting, post it as plain text with the same key; the refused request had no effect.
        https://docs.slack.dev/reference/methods/chat.postMessage
        """
        content = reply.content or NO_CONTENT
        match reply.kind:
            case "edit":
                return (yield from changes.edit(self._call, reply, self._calm(reply.text)))
            case "delete":
                return (yield from changes.delete(self._call, reply))
            case "reaction":
                return (yield from changes.react(self._call, reply))
            case "form":
                return (yield from self._open(reply))
        if content.files:
            exchange = files.share if reply.prepared else files.upload
            return (yield from exchange(self._call, reply, content.files))
        text, actions = self._calm(reply.text), content.actions
        if reply.prepared:
            said = {"response_type": "in_channel", "text": fallback(text), "blocks": blocks(text, actions, reply.key)}
            return (yield from respond(SlackPlace.of(reply), said, self._clock()))
        try:
            words = _shown(reply.key, text, actions) | {"client_msg_id": client_message_id(reply.key)}
            return (yield from self._post(reply, words))
        except RefusedForm:
            pass
        try:
            return (yield from self._post(reply, _shown(reply.key, text, actions, plain=True)))
        except RefusedForm as refusal:
            if refusal.too_long:
                raise TooLong(str(refusal)) from refusal
            raise

    def _open(self, reply: Reply) -> Exchange[Sent | Prepared]:
        """Open a form, or tell the person that it is too late."""
        if not reply.prepared:
            return (yield from modals.open_form(self._call, reply))
        place, text = SlackPlace.of(reply), modals.missed(reply)
        if place.response_url:
            return (yield from respond(place, {"response_type": "ephemeral", "text": text}, self._clock()))
        return (yield from self._post(reply, {"text": escaped(text)}))

    def _post(self, reply: Reply, words: Mapping[str, object]) -> Exchange[Sent | Prepared]:
        place = SlackPlace.of(reply)
        content = {**place.where, **words, "metadata": metadata(reply.key)}
        doing = f"posting to {place.channel}"
        # Slack allows about one message per second and channel, so a limit applies to the channel only.
        elsewhere = outside(place, reply.refusals)
        response = yield from self._call(
            "POST", "chat.postMessage", content, doing, Attempt.of(reply), scope=place.channel, effect=True,
            accepted=elsewhere,
        )  # fmt: skip
        if error_of(response) in elsewhere:
            return Prepared(OUTSIDE)
        return place.sent(ts_of(response))

    def _calm(self, text: str) -> str:
        return text if self._groups else calm(text)

    def check(self, reply: Reply) -> str:
        form = reply.content.form if reply.content else None
        return modals.check(form, reply.address) if form else check_blocks(reply)

    def repeat(self, reply: Reply) -> Repeat:
        outside = bool(reply.address.get("response_url"))
        if reply.kind == "form":
            # That it is too late may be said twice to the one person who sees it.
            return FIND if reply.prepared and not outside else NATIVE
        if reply.kind != "message":
            return NATIVE
        if reply.content and reply.content.files:
            # Files that were not shared are visible to no one.
            return FIND if reply.prepared else NATIVE
        return UNKNOWN if reply.prepared else FIND

    def find(self, reply: Reply, account: Identity) -> Exchange[Sent | NextPage | None]:
        """Find our message with this reply's key, from five minutes before the first attempt on, 200 per page.

        Needs the scope for the kind of channel: channels:history, groups:history, im:history or mpim:history.
        Some apps get 15 messages a page, and one page a minute:
        https://docs.slack.dev/changelog/2025/05/29/rate-limit-changes-for-non-marketplace-apps/
        https://docs.slack.dev/reference/methods/conversations.replies, and without a thread
        https://docs.slack.dev/reference/methods/conversations.history
        """
        if reply.content and reply.content.files:
            return (yield from files.find(self._call, reply))
        page = yield from self._page(reply)
        for message in page.messages:
            if key_of(message.metadata) == reply.key and account.wrote(message.identities):
                return SlackPlace.of(reply).sent(message.ts)
        return NextPage(page.cursor) if page.cursor else None

    def _page(self, reply: Reply) -> Exchange[Replies]:
        place, attempt = SlackPlace.of(reply), Attempt.of(reply)
        method = "conversations.replies" if place.thread_ts else "conversations.history"
        query = {"channel": place.channel, "include_all_metadata": "true", "limit": str(_PAGE)}
        if place.thread_ts:
            query["ts"] = place.thread_ts
        if reply.first:
            query["oldest"] = f"{moment(reply.first, _MARGIN).timestamp():.6f}"
        if reply.cursor:
            query["cursor"] = reply.cursor
        doing = f"looking for a reply in {place.channel}"
        response = yield from self._call("GET", method, query, doing, attempt, scope=place.scope(method))
        return read(response, replies, "Slack", unknown=False)

    def limits(self, reply: Reply, *, looking: bool) -> Sequence[str]:
        """Return the scopes: Slack limits each method per workspace, and `chat.postMessage` per channel.

        https://docs.slack.dev/apis/web-api/rate-limits
        """
        place = SlackPlace.of(reply)
        if looking:
            search = "conversations.replies" if place.thread_ts else "conversations.history"
            return [self._account, place.scope("files.info" if reply.content and reply.content.files else search)]
        if reply.content and reply.content.files:
            return ["", place.scope(files.SHARE if reply.prepared else files.UPLOAD)]
        if reply.prepared and place.response_url:
            return [self._account, place.scope(OUTSIDE)]
        if method := changes.METHODS.get(reply.kind):
            return [self._account, place.scope(method)]
        return [self._account, place.channel]

    def fetch(self, attachment: Attachment) -> Exchange[bytes]:
        return self._downloads.fetch(attachment)

    @property
    def names(self) -> SlackNames:
        return self._names

    @property
    def history(self) -> SlackHistory:
        return self._history

    @property
    def messages(self) -> SlackMessages | None:
        """The messages of the channels that the app is in; None for an organization, whose workspaces list theirs."""
        return None if self._account.startswith("E") else SlackMessages(self._call)

    @property
    def presence(self) -> SlackPresence:
        return self._presence

    @property
    def streaming(self) -> SlackStreaming:
        return self._streaming

    def _call(
        self,
        method: Literal["GET", "POST"],
        name: str,
        content: Mapping[str, object],
        doing: str,
        attempt: Attempt,
        *,
        scope: str = "",
        effect: bool = False,
        accepted: Collection[str] = (),
    ) -> Exchange[Response]:
        headers = {"authorization": f"Bearer {self._token}"}
        if method == "GET":
            request = Request(method="GET", url=f"{self._api}/{name}?{urlencode(content)}", headers=headers)
        else:
            headers["content-type"] = "application/json; charset=utf-8"
            request = Request(
                method="POST", url=f"{self._api}/{name}", headers=headers, body=msgspec.json.encode(content)
            )
        response: Response = (yield request) if effect else (yield from harmless(request))
        check(
            response, self._clock(), doing=doing, scope=scope, home=self._account, unknown=effect, attempt=attempt,
            accepted=accepted,
        )  # fmt: skip
        return response


def _shown(key: str, text: str, actions: Sequence[Button | Select], *, plain: bool = False) -> dict[str, object]:
    """Return the content of a message. Slack takes `markdown_text` alone, so that buttons need blocks."""
    if not actions:
        return {"text": escaped(text)} if plain else {"markdown_text": text}
    return {"text": fallback(text), "blocks": blocks(text, actions, key, plain=plain)}
