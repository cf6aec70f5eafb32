"""What Slack's errors mean, most of which come with status 200: wait, give up, or try again.

https://docs.slack.dev/reference/methods/chat.postMessage#errors
"""

from __future__ import annotations

import msgspec

from answerback.errors import RateLimited, Rejected, Unavailable
from answerback.platforms import Response
from answerback.platforms.answer import seconds_to_wait

USUAL_WAIT = 30.0
"""Seconds, in case Slack does not say how many."""

_LIMITED = {"ratelimited", "rate_limited"}
_LATER = {"fatal_error", "internal_error", "org_login_required", "request_timeout", "service_unavailable"}
_LATER |= {"team_added_to_org"}

_TOKEN = "create a new SLACK_BOT_TOKEN by installing the app again, then replay what failed"
_INVITE = "invite the app to the channel (/invite @app), then replay the reply"
_SCOPE = "give the app this scope and install it again"
_ADMIN = "a workspace admin has to allow the app to post there"

_MEANING = {
    "account_inactive": f"the token's account or workspace is deactivated: {_TOKEN}",
    "cannot_reply_to_message": "this kind of message takes no replies",
    "channel_not_found": f"the channel is gone, or the app may not see it: {_INVITE}",
    "invalid_auth": f"Slack does not accept SLACK_BOT_TOKEN: {_TOKEN}",
    "is_archived": "the channel is archived: unarchive it, or drop the reply",
    "message_limit_exceeded": "the workspace has sent more messages than its plan allows",
    "message_not_found": "the message to reply to is gone",
    "messages_tab_disabled": "people cannot message the app: enable the Messages tab in its settings",
    "missing_scope": f"the token lacks a scope: {_SCOPE}",
    "msg_blocks_too_long": "the reply is longer than Slack takes",
    "msg_too_long": "the reply is longer than Slack takes",
    "no_permission": f"the app may not post there: {_INVITE}",
    "no_text": "the reply is empty",
    "not_allowed_token_type": "SLACK_BOT_TOKEN must be a bot token (xoxb-…)",
    "not_authed": "SLACK_BOT_TOKEN is empty",
    "not_in_channel": f"the app is not in the channel: {_INVITE}",
    "restricted_action": _ADMIN,
    "restricted_action_read_only_channel": f"the channel is read-only: {_ADMIN}",
    "restricted_action_thread_locked": "the thread is locked",
    "thread_not_found": "the thread is gone",
    "token_expired": f"SLACK_BOT_TOKEN has expired: {_TOKEN}",
    "token_revoked": f"SLACK_BOT_TOKEN was revoked: {_TOKEN}",
}


class Answer(msgspec.Struct):
    """What every answer of Slack's Web API has."""

    ok: bool = False
    error: str = ""
    needed: str = ""


_answer = msgspec.json.Decoder(Answer)


def check(response: Response, now: float, *, doing: str, scope: str, unknown: bool) -> None:
    """Return if the answer is a success. Else raise what it means, in words for an operator.

    `doing` is what was tried ("posting to C024BE91L"), `scope` the bucket its rate limit counts in;
    `unknown` whether an error of Slack's own may have taken effect.
    """
    status = response.status
    try:
        answer = _answer.decode(response.body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        answer = Answer()
    if status == 429 or (not answer.ok and answer.error in _LIMITED):
        # https://docs.slack.dev/apis/web-api/rate-limits
        wait = seconds_to_wait(response.headers, now, USUAL_WAIT)
        raise RateLimited(wait, scope, f"Slack asks us to wait {wait:.0f} s while {doing}")
    if status >= 500 or status == 408 or answer.error in _LATER:
        raise Unavailable(
            f"Slack answered {status} {answer.error or 'without a reason'} while {doing}", unknown=unknown
        )
    if answer.ok and 200 <= status < 300:
        return
    if not answer.error:
        if 400 <= status < 500:
            raise Rejected(f"Slack refused {doing} with status {status} and no reason")
        raise Unavailable(f"something that is not Slack answered {status} while {doing}", unknown=unknown)
    meaning = _MEANING.get(answer.error, "see https://docs.slack.dev/reference/methods/chat.postMessage#errors")
    needed = f" (needed: {answer.needed[:100]})" if answer.needed else ""
    raise Rejected(f"Slack refused {doing}: {answer.error[:100]}{needed} — {meaning}")
