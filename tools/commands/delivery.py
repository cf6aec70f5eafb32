"""Build or load a webhook delivery, sign it as the provider would, and post it."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import click
import msgspec

from answerback import platforms
from answerback.platforms import Headers, Platform, Response, SendOption, standard
from answerback.platforms.registry import PLATFORMS
from answerback.platforms.standard.sending import compose
from answerback.platforms.written_down import FORM, body_of

from ..exits import Failure, Unreachable
from ..local.address import connect


class Delivery(NamedTuple):
    """A webhook request for a platform. Header names are in lower case."""

    platform: Platform
    headers: Headers
    body: bytes

    @property
    def received(self) -> platforms.Delivery:
        """The delivery as its platform is given it."""
        return self.at("")

    def at(self, url: str) -> platforms.Delivery:
        """Return the delivery as its platform is given it at this URL of a webhook."""
        return platforms.Delivery(self.headers, self.body, path=urlsplit(url).path, url=url)


def message(text: str, *, thread: str, author: str, delivery: str | None) -> Delivery:
    """Return a direct message in the format of Standard Webhooks."""
    return _completed(PLATFORMS[standard.NAME], {}, compose(text, thread=thread, author=author), {}, None, delivery)


def payload(platform: Platform, raw: bytes, *, event: str | None, delivery: str | None) -> Delivery:
    """Return a delivery of a provider's own payload: its JSON body, or {"headers": …, "body": …}.

    The platform adds the headers that a bare body lacks.
    """
    options: dict[SendOption, str | None] = {"event": event, "delivery": delivery}
    for option, value in options.items():
        if value is not None and (reason := platform.INAPPLICABLE.get(option)):
            raise click.UsageError(f"--{option} cannot be used with --to {platform.NAME}: {reason}")
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"the file is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise click.UsageError("the file is not a JSON object")
    headers: dict[str, str] = {}
    if content.keys() == {"headers", "body"}:
        headers = {str(name).lower(): str(value) for name, value in content["headers"].items()}
        content = content["body"]
        raw = body_of(headers, content)
    completed = _completed(platform, headers, raw, content, event, delivery)
    # A bare payload of a platform that sends forms is one.
    return completed if headers else completed._replace(body=_on_the_wire(completed.headers, content, raw))


def _on_the_wire(headers: Headers, content: Mapping[str, object], raw: bytes) -> bytes:
    return body_of(headers, content) if headers.get("content-type", "").startswith(FORM) else raw


def signed(delivery: Delivery, secrets: Sequence[str], url: str) -> Delivery:
    """Return the delivery with a signature made now with the first of the secrets that can sign.

    `url`: that of the webhook, as the provider knows it. Raises `Failure` if none can.
    """
    problem = ""
    for secret in secrets:
        try:
            signature = delivery.platform.sign(secret, delivery.at(url), time.time())
        except ValueError as error:
            problem = str(error)
        else:
            return delivery._replace(headers={"content-type": "application/json", **delivery.headers, **signature})
    raise Failure(f"{delivery.platform.SECRET} cannot be used to send: {problem}.")


def _completed(
    platform: Platform,
    headers: Mapping[str, str],
    body: bytes,
    content: Mapping[str, object],
    event: str | None,
    delivery: str | None,
) -> Delivery:
    try:
        return Delivery(platform, platform.complete(headers, content, event=event, delivery=delivery), body)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def webhook_path(url: str, platform: Platform) -> str:
    """Return the path of a platform's webhook at the ingress at `url`."""
    return f"{urlsplit(url).path.rstrip('/')}/webhooks/{platform.NAME}"


def post(url: str, delivery: Delivery, timeout: float = 15.0) -> Response:
    """Post a delivery to the ingress at `url`. Raises `Unreachable` when it does not respond."""
    try:
        connection = connect(url, timeout)
        try:
            path = webhook_path(url, delivery.platform)
            connection.request("POST", path, delivery.body, dict(delivery.headers))
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Response(status=response.status, headers=headers, body=response.read())
        finally:
            connection.close()
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(
            f"ingress cannot be reached at {url} ({error}): start it with `make up` or `answerback up`, or give "
            "its URL with --url."
        ) from None


def described(body: bytes) -> str:
    """Return the detail or title of a problem+json body; of another body, its first 200 bytes."""
    try:
        problem = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError):
        return body[:200].decode(errors="replace")
    return str(problem.get("detail") or problem.get("title") or "")
