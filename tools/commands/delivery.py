"""Build or load a webhook delivery, sign it as the provider would, and post it."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

import click
import msgspec

from answerback.platforms import Response
from answerback.platforms.github.webhook import KINDS
from answerback.platforms.signing import digest
from answerback.platforms.standard.signature import sign

from ..exits import Unreachable
from ..local.address import connect


class Delivery(NamedTuple):
    """A webhook request for a platform. Header names are in lower case."""

    platform: str
    headers: dict[str, str]
    body: bytes


def message(text: str, *, thread: str, author: str, delivery: str | None) -> Delivery:
    """Return a direct message in the format of Standard Webhooks."""
    data = {
        "thread": thread,
        "text": text,
        # With a prefix: an author whose bare name equals ours would be taken for us.
        "author": {"id": f"cli:{author}", "name": author},
        "direct": True,
    }
    body = {"type": "message.created", "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"), "data": data}
    return Delivery("standard", {"webhook-id": delivery or f"msg_{uuid4().hex}"}, json.dumps(body).encode())


def payload(platform: str, raw: bytes, *, event: str | None, delivery: str | None) -> Delivery:
    """Return a delivery of a provider's own payload: its JSON body, or {"headers": …, "body": …}.

    Headers that a bare body lacks are generated: a new delivery id and, for GitHub, the event's name, inferred
    from the keys of the body. A new id makes a new event only for Standard Webhooks: for the other platforms,
    sending the same file again is a duplicate.
    """
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
        raw = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
    match platform:
        case "github":
            headers["x-github-event"] = event or headers.get("x-github-event") or _github_event(content)
            headers["x-github-delivery"] = delivery or headers.get("x-github-delivery") or str(uuid4())
        case "standard":
            given = headers.get("webhook-id") or headers.get("svix-id")
            headers["webhook-id"] = delivery or given or f"msg_{uuid4().hex}"
    return Delivery(platform, headers, raw)


def _github_event(body: Mapping[str, Any]) -> str:
    """Infer the event's name from the keys of the body: GitHub names it only in a header."""
    if "zen" in body:
        return "ping"
    matching = [name for name, kind in KINDS.items() if {kind.about, kind.post} <= body.keys()]
    if not matching:
        raise click.UsageError("cannot infer the event from this payload: name it, for example --event issue_comment")
    return max(matching, key=lambda name: len({KINDS[name].about, KINDS[name].post}))


def signed(delivery: Delivery, secret: str) -> Delivery:
    """Return the delivery with a signature made with `secret`, and a timestamp where the platform has one."""
    platform, headers, body = delivery.platform, {"content-type": "application/json"} | delivery.headers, delivery.body
    now = str(int(time.time()))
    match platform:
        case "github":
            headers["x-hub-signature-256"] = f"sha256={digest(secret.encode(), body).hex()}"
        case "slack":
            headers["x-slack-request-timestamp"] = now
            headers["x-slack-signature"] = f"v0={digest(secret.encode(), b'v0:%b:%b' % (now.encode(), body)).hex()}"
        case "standard":
            headers["webhook-timestamp"] = now
            headers["webhook-signature"] = sign(secret, headers["webhook-id"], now, body)
    return Delivery(platform, headers, body)


def post(url: str, delivery: Delivery, timeout: float = 15.0) -> Response:
    """Post a delivery to the ingress at `url`. Raises `Unreachable` when it does not respond."""
    try:
        connection = connect(url, timeout)
        try:
            path = urlsplit(url).path.rstrip("/")
            connection.request("POST", f"{path}/webhooks/{delivery.platform}", delivery.body, delivery.headers)
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
