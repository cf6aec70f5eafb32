"""Interpret Slack's errors, most of which have status 200: wait, give up, or retry.

https://docs.slack.dev/reference/methods/chat.postMessage#errors
"""

from __future__ import annotations

import re
from collections.abc import Collection

import msgspec

from answerback.errors import MessageGone, NotYet, RateLimited, Rejected, Unavailable
from answerback.platforms import Response
from answerback.platforms.answer import requested_wait, seconds_to_wait, time_there
from answerback.platforms.attempt import FINAL, LAG, LAST, PASSING, Attempt
from answerback.platforms.decoding import Spare, tolerant

USUAL_WAIT = 30.0
"""Seconds to wait if Slack does not say how long; doubled each time."""

_LIMITED = {"ratelimited", "rate_limited", "message_limit_exceeded"}
_LATER = {"fatal_error", "internal_error", "request_timeout", "service_unavailable"}
"""Slack's own failures; the request may have taken effect all the same."""

_DOUBTFUL = {"duplicate_channel_not_found", "duplicate_message_not_found"}
"""Slack has seen the request before, by its `client_msg_id`, and does not find what became of it."""

_MIGRATING = {"external_channel_migrating", "org_login_required", "team_added_to_org"}
"""The workspace or channel is being migrated, which is temporary."""

_NEW = {
    "channel_not_found", "message_not_found", "no_permission", "not_in_channel", "team_access_not_granted",
    "team_not_found", "thread_not_found",
}  # fmt: skip
"""Errors that Slack also returns briefly if the app was just invited or installed, or the message is new."""

_ODD = {"accesslimited", "invalid_auth", "not_authed", "token_expired"}
"""Errors that outages and gateways also cause, so they are retried. A revoked token is final at once."""

FORM = {
    "invalid_arg_name", "invalid_arguments", "invalid_blocks", "invalid_blocks_format", "markdown_text_conflict",
    "msg_blocks_too_long", "msg_too_long", "no_text",
}  # fmt: skip
"""Errors about a message's formatting: Slack converts `markdown_text` to blocks, and limits their number and length;
a server that does not know `markdown_text` finds no text.

https://docs.slack.dev/reference/block-kit/blocks/markdown-block, https://github.com/slackapi/bolt-js/issues/2509
"""

_WRITTEN = re.compile(r"(?:^|_)(?:blocks?|markdown)(?:_|$)")
"""Matches further error names that are about formatting."""

_TOKEN = "create a new SLACK_BOT_TOKEN by installing the app again, then replay what failed"
_INVITE = "invite the app to the channel (/invite @app), then replay the reply"
_SCOPE = "give the app this scope and install it again"
_ADMIN = "a workspace admin has to allow the app to post there"

_MEANING = {
    "account_inactive": f"the token's account or workspace is deactivated: {_TOKEN}",
    "cant_delete_message": "an app may delete only its own messages, where the workspace allows that",
    "cant_update_message": "an app may edit only its own messages",
    "cannot_reply_to_message": "this kind of message takes no replies",
    "channel_not_found": f"the channel is gone, or the app may not see it: {_INVITE}",
    "compliance_exports_prevent_deletion": "the workspace keeps all messages: delete nothing there",
    "edit_window_closed": "the workspace does not allow to edit a message of this age: post a new one",
    "exchanged_trigger_id": "one form can be opened for each press, command or shortcut: open another for the next",
    "file_uploads_disabled": f"the workspace does not allow uploads: {_ADMIN}",
    "invalid_auth": f"Slack does not accept SLACK_BOT_TOKEN: {_TOKEN}",
    "invalid_name": "Slack and this workspace have no emoji of this name",
    "is_archived": "the channel is archived: unarchive it, or drop the reply",
    "message_not_found": "the message is gone: drop the reply",
    "messages_tab_disabled": "people cannot message the app: enable the Messages tab in its settings",
    "invalid_blocks": "Slack does not accept the reply's formatting, not even as plain text",
    "missing_scope": f"the token lacks a scope: {_SCOPE}",
    "msg_blocks_too_long": "the reply exceeds Slack's length limit",
    "msg_too_long": "the reply exceeds Slack's length limit",
    "no_permission": f"the app may not post there: {_INVITE}",
    "no_text": "the reply is empty",
    "not_reactable": "this takes no reactions",
    "not_allowed_token_type": "SLACK_BOT_TOKEN must be a bot token (xoxb-…)",
    "not_authed": "SLACK_BOT_TOKEN is empty",
    "not_in_channel": f"the app is not in the channel: {_INVITE}",
    "restricted_action": _ADMIN,
    "restricted_action_read_only_channel": f"the channel is read-only: {_ADMIN}",
    "restricted_action_thread_locked": "the thread is locked",
    "storage_limit_reached": "the workspace has no room for files: delete some, then replay the reply",
    "team_access_not_granted": "the app is not granted this workspace: an admin of the organization has to add it",
    "thread_not_found": "the thread is gone",
    "too_many_emoji": "the message has as many reactions as Slack allows",
    "too_many_reactions": "the message has as many reactions as Slack allows",
    "token_expired": f"SLACK_BOT_TOKEN has expired: {_TOKEN}",
    "token_revoked": f"SLACK_BOT_TOKEN was revoked: {_TOKEN}",
}


_LOST = {"account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked"}
"""Errors that mean, for an installed account, that its token is of no use any more."""


class SlackRefused(Rejected):
    """Slack refused a request for good. `error`: its name for that."""

    def __init__(self, message: str, error: str) -> None:
        self.error = error
        super().__init__(message)


class RefusedForm(SlackRefused):
    """Slack refused a message because of its formatting or its length."""

    @property
    def too_long(self) -> bool:
        """Whether it was its length."""
        return self.error in ("msg_blocks_too_long", "msg_too_long")


class ApiResponse(msgspec.Struct):
    """The fields of every response of Slack's Web API."""

    ok: bool = False
    error: Spare[str] = None
    needed: Spare[str] = None


_answer = msgspec.json.Decoder(ApiResponse)


def check(
    response: Response,
    now: float,
    *,
    doing: str,
    scope: str,
    unknown: bool,
    attempt: Attempt = LAST,
    accepted: Collection[str] = (),
    home: str = "",
) -> None:
    """Return if the response is a success, else raise the matching error with a text for the operator.

    `doing` is the operation ("posting to C024BE91L"), `scope` its rate limit scope, `home` that of the whole workspace,
    `unknown` whether the request may
    have taken effect if Slack fails. Whether a refusal is final depends on the event's age: see `Attempt`.
    """
    status = response.status
    try:
        answer = tolerant(_answer, response.body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        answer = ApiResponse()
    if status == 429 or (not answer.ok and answer.error in _LIMITED):
        # https://docs.slack.dev/apis/web-api/rate-limits
        wait = seconds_to_wait(response.headers, now, attempt.pause(USUAL_WAIT))
        # A workspace over its plan's limit is limited in every channel.
        bucket = home if answer.error == "message_limit_exceeded" else scope or home
        raise RateLimited(wait, bucket, f"Slack asks for a pause of {wait:.0f} s while {doing}")
    after = requested_wait(response.headers, now)
    if status >= 500 or status == 408 or answer.error in _LATER:
        reason = answer.error or "without a reason"
        raise Unavailable(f"Slack responded with {status} {reason} while {doing}", unknown=unknown, after=after)
    if (answer.ok or answer.error in accepted) and 200 <= status < 300:
        return
    if answer.error in _DOUBTFUL:
        raise Unavailable(f"Slack responded with {answer.error} while {doing}", unknown=unknown, after=after)
    if not answer.error:
        if 400 <= status < 500:
            raise attempt.refused(f"Slack refused {doing} with status {status} and no reason", PASSING)
        raise Unavailable(f"a response with status {status} while {doing} is not Slack's", unknown=unknown, after=after)
    meaning = _MEANING.get(answer.error, "see the method's errors at https://docs.slack.dev/reference/methods")
    if home and answer.error in _LOST:
        meaning = f"Slack does not accept the token of {home}: install the app there again, then replay what failed"
    needed = f" (needed: {answer.needed[:100]})" if answer.needed else ""
    words = f"Slack refused {doing}: {answer.error[:100]}{needed} — {meaning}"
    if answer.error in FORM or _WRITTEN.search(answer.error):
        raise RefusedForm(words, answer.error)
    refusal = attempt.refused(words, _patience(answer.error, fresh=attempt.fresh(time_there(response.headers, now))))
    raise SlackRefused(words, answer.error) if isinstance(refusal, Rejected) else refusal


def error_of(response: Response) -> str:
    """Return the error of a response; "" for a success, and for one that is not Slack's."""
    try:
        return tolerant(_answer, response.body).error or ""
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""


def gone(attempt: Attempt, words: str) -> NotYet | MessageGone:
    """Return the error for a message that does not exist, or that some of Slack's servers do not know yet."""
    return NotYet(words) if attempt.refusals < PASSING else MessageGone(words)


def _patience(error: str, *, fresh: bool) -> int:
    """Return how many refusals of this kind are retried before one is final."""
    if error in _MIGRATING:
        return LAG
    if error in _NEW:
        return LAG if fresh else PASSING
    return PASSING if error in _ODD else FINAL
