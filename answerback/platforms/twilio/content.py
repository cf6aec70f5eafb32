"""What a message consists of: a text with its choices, a file, or a template where WhatsApp takes nothing else.

https://www.twilio.com/docs/content/send-templates-created-with-the-content-template-builder
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from answerback.errors import Rejected, TooLong
from answerback.outgoing import NO_CONTENT, Template
from answerback.platforms import choices
from answerback.platforms.dialects import utf16_units
from answerback.platforms.twilio.dialect import LIMIT, said
from answerback.platforms.twilio.outgoing import UNREACHABLE, problem
from answerback.platforms.twilio.place import TwilioPlace
from answerback.platforms.twilio.settings import TEMPLATE
from answerback.replies import Reply
from answerback.shared_files import SharedFiles

WINDOW = 24 * 3600 - 300
"""Seconds after a person's message in which WhatsApp takes any text: 24 hours, less what a request may take.

https://www.twilio.com/docs/whatsapp/key-concepts#the-24-hour-window
"""

_SPACE = re.compile(r"\s+")


class Contents(NamedTuple):
    """Makes the contents of messages.

    Attributes:
        template: The SID of a content template with one variable, for WhatsApp; "" without one.
        shared: Makes the URLs from which Twilio fetches files; None if there are none.
        clock: Returns the time in seconds.
    """

    template: str
    shared: SharedFiles | None
    clock: Callable[[], float]

    def problem(self, reply: Reply) -> str:
        """Return why Twilio would refuse a reply, in a sentence for the agent's author; "" if that is not known."""
        content = reply.content or NO_CONTENT
        if content.files and self.shared is None:
            return UNREACHABLE
        channel, own = TwilioPlace.of(reply).channel, content.template
        found = [problem(file, channel) for file in content.files]
        if own and channel == "whatsapp" and not TEMPLATE.fullmatch(own.name):
            found.append(
                f"a template of Twilio is named by its SID, HX and 32 hexadecimal digits, not {own.name[:80]!r}"
            )
        return next(filter(None, [*found, choices.problem(content.actions)]), "")

    def form(self, reply: Reply, place: TwilioPlace) -> dict[str, str]:
        """Return the fields of a message. Raises `Rejected`, or `TooLong` before anything is sent."""
        content = reply.content or NO_CONTENT
        if content.files:
            if self.shared is None:
                raise Rejected(UNREACHABLE)
            return {"MediaUrl": self.shared.url(reply.thread, content.files[0])}
        if template := self._template(reply, place):
            # A variable may have neither line breaks nor many spaces.
            values = {name: _line(value) for name, value in template.values.items()}
            variables = {"ContentVariables": json.dumps(values, ensure_ascii=False)} if values else {}
            return {"ContentSid": template.name, **variables}
        text = said(reply, place.channel)
        if utf16_units(text) > LIMIT:
            raise TooLong(f"the text with its choices is longer than {LIMIT} characters")
        return {"Body": text}

    def known_by(self, reply: Reply, place: TwilioPlace) -> tuple[list[str], bool]:
        """Return the texts by which the message is found, and whether it says nothing else, as a template does."""
        template = self._template(reply, place)
        if template is None:
            return [said(reply, place.channel)], True
        return [_line(value) for value in template.values.values()], False

    def _template(self, reply: Reply, place: TwilioPlace) -> Template | None:
        """Return the template that is sent: the reply's own, or that of all texts. None if the text is sent."""
        content, asked = reply.content or NO_CONTENT, (reply.at or reply.stored) / 1000
        if place.channel != "whatsapp" or content.files:
            return None
        late, own = asked > 0 and self.clock() - asked > WINDOW, content.template
        if own:
            return own if late or own.always else None
        values: Mapping[str, str] = {"1": said(reply, place.channel)}
        return Template(self.template, values=dict(values)) if late and self.template else None


def _line(text: str) -> str:
    return _SPACE.sub(" ", text).strip()
