"""Install the Slack app in a workspace or an organization, and renew its tokens.

https://docs.slack.dev/authentication/installing-with-oauth
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from urllib.parse import quote, urlencode

import msgspec

from answerback.accounts import Account
from answerback.errors import Rejected
from answerback.platforms import Exchange, Request
from answerback.platforms.answer import read
from answerback.platforms.decoding import Spare
from answerback.platforms.slack.refusal import check


class _Place(msgspec.Struct):
    id: Spare[str] = None
    name: Spare[str] = None


class _Access(msgspec.Struct):
    access_token: Spare[str] = None
    refresh_token: Spare[str] = None
    expires_in: Spare[int] = None
    token_type: Spare[str] = None
    scope: Spare[str] = None
    team: Spare[_Place] = None
    enterprise: Spare[_Place] = None
    is_enterprise_install: Spare[bool] = None


_access = msgspec.json.Decoder(_Access)


class SlackInstaller:
    """See `Installer`. An account is a workspace, or an organization if the app was installed for all of it."""

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        scopes: Sequence[str],
        api: str,
        authorize: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client_id, self._client_secret, self._scopes = client_id, client_secret, scopes
        self._api, self._authorize, self._clock = api, authorize, clock

    def __repr__(self) -> str:
        return f"SlackInstaller({self._client_id})"

    def consent_url(self, state: str, redirect: str) -> str:
        query = {
            "client_id": self._client_id,
            "scope": ",".join(self._scopes),
            "state": state,
            "redirect_uri": redirect,
        }
        return f"{self._authorize}?{urlencode(query)}"

    def exchange(self, code: str, redirect: str) -> Exchange[Account]:
        """https://docs.slack.dev/reference/methods/oauth.v2.access"""
        access = yield from self._ask({"code": code, "redirect_uri": redirect}, "exchanging the code")
        whole = bool(access.is_enterprise_install)
        place = (access.enterprise if whole else access.team) or _Place()
        if not access.access_token or access.token_type != "bot" or not place.id:
            raise Rejected("Slack gave no bot token for a workspace: the app asks for no bot scope")
        account = Account(id=place.id, name=place.name or "", scopes=_scopes(access))
        return self._with_tokens(account, access)

    def renew(self, account: Account) -> Exchange[Account]:
        """A refresh token can be used once: https://docs.slack.dev/authentication/using-token-rotation"""
        content = {"grant_type": "refresh_token", "refresh_token": account.refresh_token}
        access = yield from self._ask(content, "renewing a token")
        if not access.access_token or not access.refresh_token:
            raise Rejected("Slack gave no new token")
        return self._with_tokens(account, access)

    def _with_tokens(self, account: Account, access: _Access) -> Account:
        expires = int((self._clock() + access.expires_in) * 1000) if access.expires_in else 0
        return msgspec.structs.replace(
            account,
            token=access.access_token or "",
            refresh_token=access.refresh_token or "",
            expires=expires,
            scopes=_scopes(access) or account.scopes,
            error="",
        )

    def _ask(self, content: dict[str, str], doing: str) -> Exchange[_Access]:
        # RFC 6749, section 2.3.1: both are encoded as in a form before they are joined.
        pair = f"{quote(self._client_id, safe='')}:{quote(self._client_secret, safe='')}"
        request = Request(
            method="POST",
            url=f"{self._api}/oauth.v2.access",
            headers={
                "authorization": f"Basic {b64encode(pair.encode()).decode()}",
                "content-type": "application/x-www-form-urlencoded",
            },
            body=urlencode(content).encode(),
        )
        response = yield request
        check(response, self._clock(), doing=doing, scope="oauth", unknown=True)
        return read(response, _access, "Slack", unknown=True)


def _scopes(access: _Access) -> tuple[str, ...]:
    return tuple(sorted(filter(None, (access.scope or "").split(","))))
