"""The logins that a GitHub comment addresses."""

from __future__ import annotations

import re

from answerback.platforms.fences import without_code

# A login is ASCII letters, digits and inner hyphens, up to 39 characters; an enterprise's managed users carry
# "_shortcode". "@org/team" is a team and "a@b.com" an address, neither is a login.
_MENTION = re.compile(r"(?ia)(?<![\w/.`@-])@([a-z0-9](?:[a-z0-9_-]{0,58}[a-z0-9])?)(?:\[bot\])?(?!\w|/\w)")

MOST = 50
"""GitHub itself notifies no more people than this about one comment."""


def mentions(markdown: str) -> tuple[str, ...]:
    """The logins mentioned outside code, each once, in order, lower case, without "@" and "[bot]"."""
    if "@" not in markdown:
        return ()
    logins = dict.fromkeys(login.lower() for login in _MENTION.findall(without_code(markdown)))
    return tuple(logins)[:MOST]
