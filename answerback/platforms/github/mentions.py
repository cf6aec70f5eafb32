"""The logins that a GitHub comment addresses."""

from __future__ import annotations

import re

from answerback.platforms.github.spoken import spoken

# GitHub's own rule: any character but a letter, a digit or "_" may stand before the "@"; no "/" may follow (that is a
# team), nor a dot within a word (that is an address).
# https://github.com/gjtorikian/html-pipeline/blob/main/lib/html_pipeline/node_filter/mention_filter.rb
# A login is ASCII letters, digits and hyphens; an enterprise's managed users carry "_shortcode".
_MENTION = re.compile(
    r"(?<!\w)@(?>([a-z0-9][a-z0-9-]*(?:_[a-z0-9]+)?))(?:\[bot\])?(?!/)(?=\.+\W|\.+$|[^\w.]|$)",
    re.ASCII | re.IGNORECASE | re.MULTILINE,
)
# "_@login_" is emphasis, and "_" a letter to the rule, which GitHub applies to what was rendered.
_EMPHASIS = re.compile(r"(?<![0-9A-Za-z_])_{1,3}(?=@)|(?<=[0-9A-Za-z\]])_{1,3}(?![0-9A-Za-z_@])")

MOST = 50
"""GitHub itself notifies no more people than this about one comment."""
_LONGEST = 60


def mentions(markdown: str) -> tuple[str, ...]:
    """The logins mentioned, each once, in order, lower case, without "@" and "[bot]".

    Code, comments, links and what is quoted from others mention nobody.
    """
    if "@" not in markdown:
        return ()
    found = (login.lower() for login in _MENTION.findall(_EMPHASIS.sub(" ", spoken(markdown))))
    # No login ends in a hyphen: "@answerbot-" is another name, which nobody has.
    return tuple(dict.fromkeys(login for login in found if len(login) <= _LONGEST and login[-1] != "-"))[:MOST]
