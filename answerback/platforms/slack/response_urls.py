"""Response URLs: how a person is answered where the app is not a member, five times within half an hour.

https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from answerback.errors import RateLimited, Rejected, Unavailable
from answerback.platforms import Exchange, Request, Sent
from answerback.platforms.answer import requested_wait, seconds_to_wait
from answerback.platforms.attempt import PASSING
from answerback.platforms.slack.place import SlackPlace
from answerback.platforms.slack.refusal import USUAL_WAIT

OUTSIDE = "response_url"
"""What a reply is prepared with that goes to its response URL, since the app is not a member of the channel."""


def outside(place: SlackPlace, refusals: int) -> tuple[str, ...]:
    """Return the errors of a post after which its response URL is used: the app is not a member of the channel.

    `refusals`: how often the post was refused. Slack says so, too, of private channels that are new to its servers.
    """
    if not place.response_url:
        return ()
    hidden = not place.thread_ts or refusals >= PASSING
    return ("not_in_channel", "channel_not_found") if hidden else ("not_in_channel",)


def respond(place: SlackPlace, content: Mapping[str, object], now: float) -> Exchange[Sent]:
    """Post to everybody in the channel, or as an answer that one person sees. Slack does not name the message."""
    body = {"replace_original": False, **content}
    if place.thread_ts:
        body["thread_ts"] = place.thread_ts
    headers = {"content-type": "application/json; charset=utf-8"}
    response = yield Request(method="POST", url=place.response_url, headers=headers, body=msgspec.json.encode(body))
    status, doing = response.status, f"responding in {place.channel}, where the app is not a member"
    if status == 429:
        wait = seconds_to_wait(response.headers, now, USUAL_WAIT)
        raise RateLimited(wait, place.scope(OUTSIDE), f"Slack asks for a pause of {wait:.0f} s while {doing}")
    if status >= 500 or status == 408:
        after = requested_wait(response.headers, now)
        raise Unavailable(f"Slack responded with {status} while {doing}", unknown=True, after=after)
    if not 200 <= status < 300:
        raise Rejected(
            f"Slack refused {doing}, with {status} {response.body[:100].decode(errors='replace')!r}: a response URL "
            "may be used five times in 30 minutes. Invite the app to the channel (/invite @app), then replay the reply"
        )
    return Sent("")
