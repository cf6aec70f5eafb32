"""Find the logins that a GitHub comment mentions."""

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
# "_@login_" is emphasis. GitHub applies its rule, to which "_" is a letter, to the rendered text.
_EMPHASIS = re.compile(r"(?<![0-9A-Za-z_])_{1,3}(?=@)|(?<=[0-9A-Za-z\]])_{1,3}(?![0-9A-Za-z_@])")

MOST = 50
"""GitHub itself notifies at most this many people about one comment."""
_LONGEST = 60


def mentions(markdown: str) -> tuple[str, ...]:
    """Return the mentioned logins, each once, in order, lower case, without "@" and "[bot]".

    Mentions in code, comments, links and quotes do not count.
    """
    if "@" not in markdown:
        return ()
    words = spoken(markdown)
    if "_" in words:
        words = _EMPHASIS.sub(" ", words)
    logins = [login.lower() for login in _MENTION.findall(words)]
    # No login ends in a hyphen, so "@answerbot-" is not a mention.
    return tuple(dict.fromkeys(login for login in logins if len(login) <= _LONGEST and login[-1] != "-"))[:MOST]
