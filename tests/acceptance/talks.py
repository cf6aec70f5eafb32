"""Conversations whose every message can be told apart, and the verdict on what became of them.

Each message carries a token, "github-3/5": message 5 of conversation github-3. Agents say it back with the
number of the reply, "github-3/5.0", so that what a platform has shows what was lost, doubled or reordered.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from answerback import platforms
from answerback.events import Event
from answerback.platforms.registry import PLATFORMS
from answerback.testing.standins.journal import Posted
from answerback.testing.standins.sender import Delivery, GitHub, Slack, Standard, Telegram, Twilio, WhatsApp

_TOKEN = re.compile(rf"\b((?:{'|'.join(PLATFORMS)})-\d+)/(\d+)(?:\.(\d+))?\b")
_EPOCH = 1_700_000_000


class Token(NamedTuple):
    """Which reply to which message of which conversation."""

    talk: str
    number: int
    part: int = 0


def token(text: str) -> Token | None:
    """The token in a text, if it has one."""
    found = _TOKEN.search(text)
    return Token(found[1], int(found[2]), int(found[3] or 0)) if found else None


def label(text: str, part: int = 0) -> str:
    """How an agent names its reply to `text`."""
    found = token(text)
    assert found is not None, f"no token in {text!r}"
    return f"{found.talk}/{found.number}.{part}"


@dataclass
class Talk:
    """A conversation. `place`, its repository or channel, chooses the agent; `replies`: how many a message gets."""

    platform: str
    id: int
    place: str = ""
    replies: int = 1
    said: int = 0
    without: set[int] = field(default_factory=set)
    """Messages that get no answer, on purpose."""
    late: set[int] = field(default_factory=set)
    """Messages that were replayed, and so are answered after others."""

    @property
    def name(self) -> str:
        return f"{self.platform}-{self.id}"

    def say(self, words: str = "hello") -> Delivery:
        """The next message, as its webhook. Another try of it is signed by `again`."""
        text = f"{self.name}/{self.said} {words.replace('TOKEN', f'{self.name}/{self.said}')}"
        self.said += 1
        return WRITTEN[self.platform](self, text)

    def press(self) -> Delivery:
        """The next message, as the press of a button."""
        text = f"{self.name}/{self.said} press"
        self.said += 1
        stamp, root = f"{_EPOCH + self.id}.{self.said:06d}", f"{_EPOCH + self.id}.000000"
        return Slack(channel=self.place).button("Yes", text, ts=stamp, thread_ts=root, label="Yes")

    @property
    def awaited(self) -> Iterator[Token]:
        """The replies that there must be, in their order."""
        for number in range(self.said):
            if number not in self.without:
                yield from (Token(self.name, number, part) for part in range(self.replies))


def _on_github(talk: Talk, text: str) -> Delivery:
    return GitHub(repo=talk.place or "acme/steps").issue_comment(text, number=talk.id)


def _in_slack(talk: Talk, text: str) -> Delivery:
    stamp, root = f"{_EPOCH + talk.id}.{talk.said:06d}", f"{_EPOCH + talk.id}.000000"
    return Slack(channel=talk.place or "C0STEPS").message(text, ts=stamp, thread_ts=root)


def _by_standard_webhook(talk: Talk, text: str) -> Delivery:
    return Standard().message(text, thread=talk.name, channel=talk.place or "steps")


def _by_phone(talk: Talk, text: str) -> Delivery:
    return Twilio(ours=talk.place or "+15005550006", theirs=f"+1415{5_000_000 + talk.id}").message(text)


def _in_a_topic(talk: Talk, text: str) -> Delivery:
    topic = {"message_thread_id": talk.id, "is_topic_message": True}
    id = talk.id * 10_000 + talk.said
    return Telegram(chat=int(talk.place or TOPICS)).message(text, message_id=id, **topic)


TOPICS = "-1002000000001"
"""A forum of Telegram."""


def _to_a_number(talk: Talk, text: str) -> Delivery:
    person = WhatsApp(number=talk.place or "106500000000001", phone=f"1650{5_000_000 + talk.id}")
    return person.text(text, id=f"wamid.{talk.name}.{talk.said}")


WRITTEN: dict[str, Callable[[Talk, str], Delivery]] = {
    "github": _on_github,
    "slack": _in_slack,
    "standard": _by_standard_webhook,
    "telegram": _in_a_topic,
    "twilio": _by_phone,
    "whatsapp": _to_a_number,
}
"""How a text is written on each platform, as a webhook."""


def event_of(platform: str, delivery: Delivery) -> Event:
    """The event that a delivery becomes."""
    headers = {name.lower(): value for name, value in delivery.headers.items()}
    parsed = PLATFORMS[platform].parse(platforms.Delivery(headers, delivery.body))
    assert not isinstance(parsed, platforms.Answer | platforms.Ignored), parsed
    event = (parsed.events if isinstance(parsed, platforms.Answered) else parsed)[0]
    assert isinstance(event, Event)
    return event


@dataclass
class Verdict:
    """What went wrong. `misplaced`: said in another conversation's place.

    repeated  said again on a platform where nobody can look whether a reply is there: not wrong, if it was announced
    """

    lost: list[Token] = field(default_factory=list)
    doubled: list[Token] = field(default_factory=list)
    reordered: list[Token] = field(default_factory=list)
    misplaced: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    repeated: list[Token] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing did."""
        return self == Verdict(repeated=self.repeated)


BLIND = ("telegram", "whatsapp")
"""The platforms that neither drop a repeat nor let anybody look for a reply."""


def judge(talks: Iterable[Talk], posted: Iterable[Posted]) -> Verdict:
    """Compare what was said with what the platforms have."""
    verdict = Verdict()
    answers: defaultdict[str, list[Token]] = defaultdict(list)
    places: defaultdict[str, set[str]] = defaultdict(set)
    for message in sorted(posted, key=lambda one: one.number):
        found = token(message.body)
        if found is None:
            verdict.unexpected.append(message.body[:200])
            continue
        answers[found.talk].append(found)
        places[found.talk].add(f"{message.platform} {message.thread}")
    for talk in talks:
        awaited, given = list(talk.awaited), answers.pop(talk.name, [])
        first = list(dict.fromkeys(given))
        verdict.lost += [one for one in awaited if one not in first]
        again = [one for at, one in enumerate(given) if one in given[:at]]
        (verdict.repeated if talk.platform in BLIND else verdict.doubled).extend(again)
        in_time = [one for one in first if one.number not in talk.late]
        verdict.reordered += [after for before, after in pairwise(in_time) if after < before]
        verdict.unexpected += [str(one) for one in first if one not in awaited]
        if len(places[talk.name]) > 1:
            verdict.misplaced.append(f"{talk.name}: {sorted(places[talk.name])}")
    verdict.unexpected += [str(one) for some in answers.values() for one in some]
    return verdict
