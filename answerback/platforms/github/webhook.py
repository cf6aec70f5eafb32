"""GitHub's webhooks: whether they are GitHub's, and what they say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, NamedTuple
from urllib.parse import unquote_to_bytes

import msgspec

from answerback.errors import MalformedBody
from answerback.messages import Address, Amendment, Author, AuthorKind, Event
from answerback.platforms import Handshake, Headers, Ignored, Parsed, Refusal
from answerback.platforms.github.marker import marked
from answerback.platforms.github.mentions import mentions
from answerback.platforms.signing import digest, keys, same

Id = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Time = Annotated[datetime, msgspec.Meta(tz=True)]


class User(msgspec.Struct):
    id: Id
    login: str
    type: str | None = None


class App(msgspec.Struct):
    id: Id


class Installation(msgspec.Struct):
    id: Id


class Repository(msgspec.Struct):
    id: Id
    full_name: Annotated[str, msgspec.Meta(pattern=r"\A[\w.-]+/[\w.-]+\Z")]


class Post(msgspec.Struct):
    """Anything written: an issue, a pull request, a discussion, a review or a comment."""

    id: Id
    node_id: str = ""
    number: Id = 0
    title: str = ""
    body: str | None = None
    html_url: str = ""
    user: User | None = None
    performed_via_github_app: App | None = None
    created_at: Time | None = None
    submitted_at: Time | None = None
    in_reply_to_id: Id | None = None
    parent_id: Id | None = None


class Payload(msgspec.Struct):
    """What is read of a webhook's body; the many kilobytes that are not declared here are skipped."""

    repository: Repository
    action: str = ""
    sender: User | None = None
    installation: Installation | None = None
    changes: dict[str, msgspec.Raw] | None = None
    issue: Post | None = None
    pull_request: Post | None = None
    discussion: Post | None = None
    comment: Post | None = None
    review: Post | None = None


class Kind(NamedTuple):
    """A kind of event: what its thread is about, which object was written, and the action that wrote it."""

    about: str
    post: str
    action: str


# https://docs.github.com/en/webhooks/webhook-events-and-payloads
KINDS = {
    "issues": Kind("issue", "issue", "opened"),
    "issue_comment": Kind("issue", "comment", "created"),
    "pull_request": Kind("pull_request", "pull_request", "opened"),
    "pull_request_review": Kind("pull_request", "review", "submitted"),
    "pull_request_review_comment": Kind("pull_request", "comment", "created"),
    "discussion": Kind("discussion", "discussion", "created"),
    "discussion_comment": Kind("discussion", "comment", "created"),
}

_payload = msgspec.json.Decoder(Payload)


def verify(secrets: Sequence[str], headers: Headers, body: bytes, now: float) -> Refusal | None:
    """None when one of `secrets` signed `body`; else why not. SHA-1 signatures are never looked at.

    GitHub signs no time, so `now` decides nothing: a replayed delivery is recognised by its delivery id.
    https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    """
    usable = keys(secrets)
    if not usable:
        return Refusal("unconfigured", "no secret is configured: set GITHUB_WEBHOOK_SECRET")
    given = headers.get("x-hub-signature-256", "")
    if not given:
        return Refusal("unsigned", "there is no X-Hub-Signature-256 header: give the webhook a secret at GitHub")
    if len(given) != 71 or not given.isascii() or not given.startswith("sha256="):
        return Refusal("malformed", "X-Hub-Signature-256 is not sha256= and 64 hexadecimal digits")
    signature = given[7:].encode()
    for key in usable:
        if same(signature, digest(key, body).hex().encode()):
            return None
    return Refusal(
        "mismatch", "the signature does not match: GITHUB_WEBHOOK_SECRET and the webhook's secret at GitHub differ"
    )


def parse(headers: Headers, body: bytes) -> Parsed:
    """What a verified body means.

    Thread ids: "github:<repository id>:<number>", then ":review:<root comment id>" for the lines of a
    pull request, or ":comment:<parent id>" for replies to a comment of a discussion.
    Address: repo ("acme/widgets"), number, root (review threads), discussion and comment (node ids, for
    GraphQL), installation (webhooks of an app).
    Identities: "user:<id>", "login:<login>", "app:<id>" of the author, and of the app it was written through.
    """
    name = headers.get("x-github-event", "")
    if name == "ping":
        return Handshake(b'{"pong":true}')
    if not name:
        raise MalformedBody("there is no X-GitHub-Event header")
    kind = KINDS.get(name)
    if kind is None:
        return Ignored(f"{_printable(name)} events are not messages")
    payload = _decode(headers, body)
    if payload.action not in (kind.action, "edited", "deleted"):
        return Ignored(f"{name} {_printable(payload.action) or 'without an action'}")
    about, post = getattr(payload, kind.about), getattr(payload, kind.post)
    if not isinstance(about, Post) or not isinstance(post, Post) or not about.number:
        raise MalformedBody(f"{name} {payload.action} without its {kind.about}, its number, or its {kind.post}")
    delivery = headers.get("x-github-delivery", "")
    if not (0 < len(delivery) <= 128 and delivery.isascii() and delivery.isprintable()):
        raise MalformedBody("there is no usable X-GitHub-Delivery header")
    message = f"{name if kind.post in ('comment', 'review') else kind.post}:{post.id}"
    thread, address = _place(name, payload, about, post)
    if payload.action == "deleted":
        return [Amendment(delivery=f"github:{delivery}", thread=thread, message=message, text=None)]
    said = post.body or ""
    text = said if said.strip() else post.title  # an issue may be all title
    if payload.action == "edited":
        if payload.changes is not None and not payload.changes.keys() & {"body", "title"}:
            return Ignored(f"{name} edited, but not its text")
        return [
            Amendment(delivery=f"github:{delivery}", thread=thread, message=message, text=text, mentions=mentions(said))
        ]
    if not text.strip():
        return Ignored(f"{name} {payload.action} without a text")
    # By definition the sender of what was just written is its author; `user` is null for deleted accounts.
    author = post.user or payload.sender or User(id=0, login="ghost")
    said_at = post.submitted_at or post.created_at
    return [
        Event(
            delivery=f"github:{delivery}",
            thread=thread,
            kind=f"{name}.{payload.action}",
            text=text,
            author=Author(str(author.id), author.login, _kind(author, payload.sender, post)),
            message=message,
            channel=payload.repository.full_name,
            mentions=mentions(said),
            identities=identities(author, post.performed_via_github_app),
            reply=marked(said),
            address=address,
            title=about.title,
            url=post.html_url,
            at=int(said_at.timestamp() * 1000) if said_at else 0,
        )
    ]


def _decode(headers: Headers, body: bytes) -> Payload:
    if headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
        # The webhook's other content type: the same JSON as the form field "payload", which is its only one.
        if not body.startswith(b"payload="):
            raise MalformedBody("the form has no field `payload`")
        body = unquote_to_bytes(body[8:].partition(b"&")[0].replace(b"+", b" "))
    try:
        return _payload.decode(body)
    except RecursionError:
        raise MalformedBody("the JSON is nested too deeply") from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise MalformedBody(f"the body is not what GitHub documents: {error}") from error


def _place(name: str, payload: Payload, about: Post, post: Post) -> tuple[str, Address]:
    """The thread id, and the address of a reply."""
    thread = f"github:{payload.repository.id}:{about.number}"
    address: Address = {"repo": payload.repository.full_name, "number": about.number}
    if payload.installation:
        address["installation"] = payload.installation.id
    if name == "pull_request_review_comment":
        root = post.in_reply_to_id or post.id
        thread, address["root"] = f"{thread}:review:{root}", root
    elif about is payload.discussion:
        address["discussion"] = about.node_id
        if name == "discussion_comment" and post.parent_id:
            # A reply must name the parent's node id, which the webhook does not carry; ours leads to it.
            thread, address["comment"] = f"{thread}:comment:{post.parent_id}", post.node_id
    return thread, address


def identities(author: User, app: App | None) -> tuple[str, ...]:
    """What the author of a post can be recognised by; `app` is what it was written through."""
    marks = (f"user:{author.id}", f"login:{author.login.lower()}")
    return (*marks, f"app:{app.id}") if app else marks


def _kind(author: User, sender: User | None, post: Post) -> AuthorKind:
    """Whether a program wrote this: https://docs.github.com/en/rest/users/users#get-a-user (`type`)."""
    bots = {user.id for user in (author, sender) if user and (user.type == "Bot" or user.login.endswith("[bot]"))}
    if author.id in bots:
        return "bot"
    # Also set for people who write in an app's own pages, with a token that the app got for them.
    return "app" if post.performed_via_github_app else "person"


def _printable(word: str) -> str:
    return word[:60] if word.isascii() and word.isprintable() else "unnamed"
