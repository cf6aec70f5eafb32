"""Our app in workspaces and organizations: tokens, scopes, users.

https://docs.slack.dev/authentication/tokens
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field

from answerback.testing.standins.options import Options
from answerback.testing.standins.values import Json


@dataclass
class Installation:
    """Our app in one workspace (`team`), or in all of an organization (`team` is "" then).

    tokens   the valid bot tokens → when each expires, in seconds
    refresh  the refresh tokens that were not used
    """

    team: str
    user: str
    bot: str
    app: str
    scopes: frozenset[str]
    enterprise: str = ""
    tokens: dict[str, float] = field(default_factory=dict)
    refresh: set[str] = field(default_factory=set)
    people: Json = field(default_factory=dict)

    @property
    def home(self) -> str:
        """The workspace or organization that its messages name."""
        return self.team or self.enterprise


class Installations:
    """All installations of our app."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self.reset()

    def reset(self) -> None:
        """Return to what the options say."""
        self._all: list[Installation] = []
        self._revoked: set[str] = set()
        teams = self._options.slack_team.split(",")
        for number, token in enumerate(self._options.slack_token.split(",")):
            team = teams[min(number, len(teams) - 1)]
            self.install(team).tokens[token] = float("inf")

    @property
    def first(self) -> Installation:
        """The first one, with which the tests begin."""
        return self._all[0]

    def install(self, team: str, enterprise: str = "", scopes: str = "") -> Installation:
        """Return the installation in a workspace; with a new one, the bot has another user there."""
        options = self._options
        granted = frozenset(filter(None, (scopes or options.slack_scopes).split(",")))
        for one in self._all:
            if (one.team, one.enterprise) == (team, enterprise):
                one.scopes = granted
                return one
        suffix = str(len(self._all)) if self._all else ""
        made = Installation(
            team, options.slack_user + suffix, options.slack_bot + suffix, options.slack_app, granted, enterprise
        )
        self._all.append(made)
        return made

    def remove(self, installation: Installation) -> None:
        """Uninstall our app: no token of it is accepted any more. The first one is kept, without tokens."""
        self._revoked.update(installation.tokens)
        installation.tokens.clear()
        installation.refresh.clear()

    def issue(self, installation: Installation) -> tuple[str, str, float]:
        """Return a new token, its refresh token and its lifetime in seconds; "" and 0 if it never expires."""
        seconds = self._options.slack_token_seconds
        if not seconds:
            token = f"xoxb-{uuid.uuid4().hex}"
            installation.tokens[token] = float("inf")
            return token, "", 0
        token, refresh = f"xoxe.xoxb-1-{uuid.uuid4().hex}", f"xoxe-1-{uuid.uuid4().hex}"
        installation.tokens[token] = time.time() + seconds
        installation.refresh.add(refresh)
        return token, refresh, seconds

    def by_refresh(self, token: str) -> Installation | None:
        """Return the installation of a refresh token, which is thereby used up."""
        for one in self._all:
            if token in one.refresh:
                one.refresh.discard(token)
                return one
        return None

    def by_team(self, team: str) -> Installation | None:
        """Return the installation in a workspace, or the organization's."""
        return next((one for one in self._all if team in (one.team, one.enterprise)), None)

    def by_token(self, token: str) -> Installation | str:
        """Return the installation of a token, or the error that it leads to."""
        for one in self._all:
            if token in one.tokens:
                return one if one.tokens[token] > time.time() else "token_expired"
        return "token_revoked" if token in self._revoked else "invalid_auth"
