"""Slack's status of an agent at work: its session's state, and the status line of a thread; else a reaction.

https://docs.slack.dev/ai/agent-sessions, https://docs.slack.dev/reference/methods/assistant.threads.setStatus,
https://docs.slack.dev/reference/methods/reactions.add
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, Protocol

from answerback.errors import Rejected
from answerback.platforms import Exchange, Place, Presence, PresenceOutcome, Response
from answerback.platforms.attempt import LAST, Attempt
from answerback.platforms.slack.refusal import FORM, SlackRefused

THINKING = "is thinking…"
"""What the status line says after the app's name while it is not known what the agent does."""
SETTLED = 3600.0
"""Seconds after which a method is tried again that Slack refused to the app."""

EYES = "eyes"
"""The reaction to a message that belongs to no thread: Slack shows a status in threads only."""

SESSION, LINE = "agents.sessions.setStatus", "assistant.threads.setStatus"

ADD, REMOVE = "reactions.add", "reactions.remove"
_DONE = {ADD: "already_reacted", REMOVE: "no_reaction"}

_PLACE = {
    "access_denied", "cannot_reply_to_message", "channel_not_found", "invalid_thread_ts", "is_archived",
    "message_not_found", "no_permission", "not_in_channel", "thread_not_found", "user_not_found",
}  # fmt: skip
"""Errors about one thread. Any other means that the method is unavailable to the app, now or for long."""


class Call(Protocol):
    """Calls a method of Slack's Web API: see `Slack`."""

    def __call__(
        self, method: Literal["POST"], name: str, content: Mapping[str, object], doing: str, attempt: Attempt,
        /, *, scope: str,
    ) -> Exchange[Response]: ...  # fmt: skip


class SlackPresence(Presence):
    """See `Presence`. An app that is declared an agent has sessions, with a stop button; every app has a status line.

    In a direct chat that is one conversation there is no thread: the message gets a reaction while it is answered.
    Which of the two Slack accepts is learned from its responses. Slack removes a status line after two minutes, or when
    the app posts in the thread.
    """

    refresh = 90.0
    # The sessions' limit is 50 a minute, that of status lines is higher.
    pace = 1.5

    def __init__(self, call: Call, clock: Callable[[], float]) -> None:
        self._call = call
        self._clock = clock
        self._refused: dict[str, float] = {}
        """When each method was refused to the app, in seconds."""
        self._has_sessions = False
        self._watched: set[tuple[str, str]] = set()
        """The threads and messages that have our reaction."""

    def with_message(self, place: Place) -> bool:
        return not place.address.get("thread_ts")

    def working(self, place: Place, words: str) -> Exchange[None]:
        """Set the session to processing, or the status line. A session has no words, so that these get a line."""
        if self.with_message(place):
            return (yield from self._react(ADD, place))
        if self._available(SESSION):
            try:
                # Also before words: the first state may have been lost, and it is what brings the stop button.
                yield from self._set(SESSION, place, status="processing")
                self._has_sessions = True
                if not words:
                    return
            except SlackRefused as refusal:
                if refusal.error in _PLACE:
                    raise
        yield from self._line(place, words or THINKING)

    def idle(self, place: Place, outcome: PresenceOutcome) -> Exchange[None]:
        """Set the session to active, and clear the status line."""
        if self.with_message(place):
            return (yield from self._react(REMOVE, place))
        if self._available(SESSION):
            try:
                yield from self._set(SESSION, place, status="active")
            except SlackRefused as refusal:
                if refusal.error in _PLACE:
                    raise
        yield from self._line(place, "")

    def _react(self, method: str, place: Place) -> Exchange[None]:
        channel, seen = place.address.get("channel"), (place.thread, place.message)
        if not place.message or not self._available(method):
            raise Rejected("Slack shows a status in threads only, and this app may not react to messages")
        if method == ADD and seen in self._watched:
            return
        content = {"channel": channel, "timestamp": place.message, "name": EYES}
        try:
            yield from self._call("POST", method, content, "showing a status", LAST, scope=method)
        except SlackRefused as refusal:
            if refusal.error in ("missing_scope", "not_allowed_token_type"):
                self._refused[ADD] = self._refused[REMOVE] = self._clock()
            if refusal.error != _DONE[method]:
                raise
        (self._watched.add if method == ADD else self._watched.discard)(seen)

    def _line(self, place: Place, status: str) -> Exchange[None]:
        if not self._available(LINE):
            if self._has_sessions:
                return
            raise Rejected("Slack does not accept a status from this app")
        try:
            yield from self._set(LINE, place, status=status)
        except Rejected:
            if not self._has_sessions:
                raise

    def _available(self, method: str) -> bool:
        return self._clock() - self._refused.get(method, -SETTLED) >= SETTLED

    def _set(self, method: str, place: Place, *, status: str) -> Exchange[None]:
        channel, thread = place.address.get("channel"), place.address.get("thread_ts")
        content = {"channel_id": channel, "thread_ts": thread, "status": status}
        try:
            yield from self._call("POST", method, content, "showing a status", LAST, scope=method)
        except SlackRefused as refusal:
            if refusal.error not in _PLACE | FORM:
                self._refused[method] = self._clock()
            raise
