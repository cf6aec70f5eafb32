"""The files of incoming messages: described for `fetch`, and downloaded with our credential.

https://www.twilio.com/docs/messaging/guides/accepted-mime-types
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from answerback.errors import Rejected, Unavailable
from answerback.messages import Attachment
from answerback.platforms import Exchange, Request
from answerback.platforms.answer import harmless
from answerback.platforms.twilio.form import Fields

MOST = 10
"""Files of one message, as many as Twilio sends."""
LARGEST = 16_000_000
"""Bytes of one file: WhatsApp's limit for anything but documents; an MMS has 5 MB at most."""

_MOST_MOVES = 4
_TYPE = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+")
_ACCOUNT = re.compile(r"/Accounts/(AC[0-9a-fA-F]{32})/")


def attached_media(fields: Fields) -> tuple[Attachment, ...]:
    """Return the files of a message, named by their kind, since Twilio gives no names."""
    urls = [(fields.words(f"MediaUrl{number}"), number) for number in range(min(fields.number("NumMedia"), MOST))]
    return tuple(_attachment(url, fields.words(f"MediaContentType{number}"), number + 1) for url, number in urls if url)


def _attachment(url: str, content_type: str, number: int) -> Attachment:
    kind = content_type.partition(";")[0].strip().lower()
    kind = kind if _TYPE.fullmatch(kind) else "application/octet-stream"
    name = f"{kind.partition('/')[0] if kind != 'application/octet-stream' else 'file'}-{number}"
    return Attachment(name=f"{name}{mimetypes.guess_extension(kind) or ''}", content_type=kind, remote=url)


def _joined(url: str, target: str) -> str:
    try:
        return urljoin(url, target)
    except ValueError:
        raise Rejected("its address leads nowhere") from None


class Downloads(NamedTuple):
    """Downloads files. The credential is sent to Twilio only.

    Attributes:
        authorization: Returns the header for an account.
        api: Base URL of Twilio's API.
    """

    authorization: Callable[[str], str]
    api: str

    def fetch(self, attachment: Attachment) -> Exchange[bytes]:
        """Return the content of a file. Twilio redirects to where it keeps it, with an address that is signed."""
        url = attachment.remote
        if not self._is_twilios(url):
            raise Rejected("it is kept outside of Twilio")
        account = _ACCOUNT.search(urlsplit(url).path)
        headers = {"authorization": self.authorization(account[1] if account else "")}
        for _ in range(_MOST_MOVES):
            response = yield from harmless(Request(method="GET", url=url, headers=headers))
            target = response.headers.get("location", "")
            if response.status in (301, 302, 303, 307, 308) and target:
                # What is signed by its address refuses a second credential.
                url, headers = _joined(url, target), {}
                continue
            if response.status in (404, 410):
                raise Rejected("it was deleted")
            if response.status >= 500 or response.status == 429:
                raise Unavailable(f"Twilio responded with {response.status} to a download", unknown=False)
            if not 200 <= response.status < 300:
                raise Rejected(f"Twilio does not give it to us (status {response.status}): check the credential")
            if len(response.body) > LARGEST:
                raise Rejected(f"it is larger than {LARGEST // 1_000_000} MB")
            return response.body
        raise Rejected("its address leads elsewhere too often")

    def _is_twilios(self, url: str) -> bool:
        """Return whether a URL is Twilio's API, or of the server that stands in for it."""
        try:
            parts, api = urlsplit(url), urlsplit(self.api)
            if (parts.scheme, parts.hostname, parts.port) == (api.scheme, api.hostname, api.port):
                return True
        except ValueError:
            return False
        return parts.scheme == "https" and (parts.hostname or "").endswith(".twilio.com")
