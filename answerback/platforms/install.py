"""How a platform's app is installed by others: by OAuth, in a browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from answerback.platforms.exchange import Exchange
from answerback.platforms.outbound import Client

if TYPE_CHECKING:
    from answerback.accounts import Account
    from answerback.settings import Settings


class Installer(Protocol):
    """Asks people for access to an account of theirs. Does no I/O itself."""

    def consent_url(self, state: str, redirect: str) -> str:
        """Return the platform's page that asks for access. It then calls `redirect` with `state` and a code."""
        ...

    def exchange(self, code: str, redirect: str) -> Exchange[Account]:
        """Return the account to which a code gives access. A code can be used once."""
        ...

    def renew(self, account: Account) -> Exchange[Account]:
        """Return the account with new tokens. Raises `Rejected` if its refresh token is not accepted."""
        ...


class InstallSupport(NamedTuple):
    """What a platform declares as `INSTALL`.

    Attributes:
        variables: What to set so that others can install the app: a sentence for the operator.
        installer: Returns the installer; None unless these variables are set.
        client: Returns a client that posts with an account's token. None: accounts have none, since the configured
            credential opens them all; `Client.accounts` lists them.
    """

    variables: str
    installer: Callable[[Settings], Installer | None]
    client: Callable[[Settings, Account], Client] | None
