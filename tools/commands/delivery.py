"""A webhook as a provider would send it: built or read from a file, signed, posted."""

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
    """A webhook on its way to `platform`'s door. Header names are in lower case."""

    platform: str
    headers: dict[str, str]
    body: bytes


def message(text: str, *, thread: str, author: str, delivery: str | None) -> Delivery:
    """A message of a conversation of two, as Standard Webhooks carry it."""
    data = {
        "thread": thread,
        "text": text,
        # Never the bare name: a user who is called like us would be taken for us.
        "author": {"id": f"cli:{author}", "name": author},
        "direct": True,
    }
    body = {"type": "message.created", "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"), "data": data}
    return Delivery("standard", {"webhook-id": delivery or f"msg_{uuid4().hex}"}, json.dumps(body).encode())


def payload(platform: str, raw: bytes, *, event: str | None, delivery: str | None) -> Delivery:
    """A provider's own payload: its JSON body, or {"headers": …, "body": …} with the headers it came with.

    What a provider says in headers and a bare body does not tell is made up: a fresh delivery id, and for GitHub
    the event's name, guessed from what the body holds. Only of Standard Webhooks does the id make another event:
    of the others, the same file again is a duplicate.
    """
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"the file is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise click.UsageError("the file is not a JSON object")
    headers: dict[str, str] = {}
    if found.keys() == {"headers", "body"}:
        headers = {str(name).lower(): str(value) for name, value in found["headers"].items()}
        found = found["body"]
        raw = json.dumps(found, separators=(",", ":"), ensure_ascii=False).encode()
    match platform:
        case "github":
            headers["x-github-event"] = event or headers.get("x-github-event") or _github_event(found)
            headers["x-github-delivery"] = delivery or headers.get("x-github-delivery") or str(uuid4())
        case "standard":
            known = headers.get("webhook-id") or headers.get("svix-id")
            headers["webhook-id"] = delivery or known or f"msg_{uuid4().hex}"
    return Delivery(platform, headers, raw)


def _github_event(body: Mapping[str, Any]) -> str:
    """GitHub names the event in a header alone; the body holds what the event is about."""
    if "zen" in body:
        return "ping"
    fitting = [name for name, kind in KINDS.items() if {kind.about, kind.post} <= body.keys()]
    if not fitting:
        raise click.UsageError(
            "this payload is of none of the kinds that agents answer: name it, as in --event issue_comment"
        )
    return max(fitting, key=lambda name: len({KINDS[name].about, KINDS[name].post}))


def signed(delivery: Delivery, secret: str) -> Delivery:
    """The delivery with the signature, and the timestamp, of a provider that knows `secret`."""
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
    """Post it to the ingress at `url`. Raises `Failure` when nobody answers there."""
    try:
        connection = connect(url, timeout)
        try:
            path = urlsplit(url).path.rstrip("/")
            connection.request("POST", f"{path}/webhooks/{delivery.platform}", delivery.body, delivery.headers)
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return Response(status=answer.status, headers=headers, body=answer.read())
        finally:
            connection.close()
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(
            f"no ingress answers at {url} ({error}): start it with `make up` or `answerback up`, or say where "
            "it is with --url."
        ) from None


def described(body: bytes) -> str:
    """What a problem+json answer says."""
    try:
        problem = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError):
        return body[:200].decode(errors="replace")
    return str(problem.get("detail") or problem.get("title") or "")
