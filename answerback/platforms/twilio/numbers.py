"""The accounts and their numbers: who we are, and where Twilio sends what comes in.

https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from answerback.errors import Rejected
from answerback.log import get_logger
from answerback.messages import Identity
from answerback.platforms import Exchange, Request
from answerback.platforms.answer import harmless, read
from answerback.platforms.decoding import Spare
from answerback.platforms.twilio.refusal import check

log = get_logger(__name__)

_NAMED = 3
"""Numbers that are named."""


_NO_STATUSES = (
    "PUBLIC_URL is not set: no status of a reply arrives, so that one of unknown outcome is looked for by its text, "
    "and one that failed at the carrier is not reported"
)


class Capabilities(msgspec.Struct):
    """What a number can do."""

    sms: Spare[bool] = None
    mms: Spare[bool] = None


class Number(msgspec.Struct):
    """A number of an account."""

    phone_number: str
    sid: Spare[str] = None
    sms_url: Spare[str] = None
    sms_application_sid: Spare[str] = None
    capabilities: Spare[Capabilities] = None


class _Numbers(msgspec.Struct):
    incoming_phone_numbers: list[Number]


_numbers = msgspec.json.Decoder(_Numbers)


class Numbers:
    """Reads the numbers of each account: the first thousand."""

    def __init__(
        self, get: Callable[[str, str], Request], api: str, accounts: Sequence[str], clock: Callable[[], float]
    ) -> None:
        self._get, self._api, self._accounts, self._clock = get, api, accounts, clock

    def whoami(self) -> Exchange[Identity]:
        """Return who we are. An API key may not read the account itself, but its numbers.

        An account whose credential is refused must not keep the others from working.
        """
        names, mentions = [], []
        for account in self._accounts:
            try:
                numbers = yield from self._of(account)
            except Rejected as refusal:
                if len(self._accounts) == 1:
                    raise
                log.error("an account's credential is refused", account=account, error=str(refusal))
                continue
            shown = ", ".join(number.phone_number for number in numbers[:_NAMED])
            more = f" and {len(numbers) - _NAMED} more" if len(numbers) > _NAMED else ""
            names.append(f"{account} ({shown or 'no numbers of its own'}{more})")
            mentions += [number.phone_number for number in numbers]
        if not names:
            raise Rejected("Twilio refuses the credentials of all accounts: check TWILIO_AUTH_TOKEN and TWILIO_API_KEY")
        marks = tuple(f"account:{account}" for account in self._accounts)
        return Identity(name=", ".join(names), mentions=tuple(mentions), marks=marks)

    def concerns(self, url: str) -> Exchange[Sequence[str]]:
        """Return which numbers send their messages elsewhere."""
        if not url:
            return [_NO_STATUSES]
        found: list[str] = []
        for account in self._accounts:
            for number in (yield from self._of(account)):
                set_up = (number.sms_url or "").partition("#")[0].rstrip("/")
                if (number.capabilities and number.capabilities.sms is False) or set_up == url:
                    continue
                if number.sms_application_sid:
                    found.append(
                        f"{number.phone_number} sends its messages to an application, {number.sms_application_sid}"
                    )
                    continue
                found.append(
                    f"{number.phone_number} sends its messages to {set_up or 'nowhere'}: set its webhook to "
                    f"{url}#rc=5&rp=all, unless a messaging service does that"
                )
        return found

    def _of(self, account: str) -> Exchange[list[Number]]:
        url = f"{self._api}/2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json?PageSize=1000"
        response = yield from harmless(self._get(account, url))
        check(response, self._clock(), doing=f"reading the numbers of {account}", account=account)
        return read(response, _numbers, "Twilio", unknown=False).incoming_phone_numbers
