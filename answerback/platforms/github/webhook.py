"""GitHub's webhooks: whether they are GitHub's, and what they say."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

import msgspec

from answerback.errors import MalformedBody
from answerback.events import Address, Amendment, Event, Subject
from answerback.messages import Author, AuthorKind
from answerback.platforms import Handshake, Headers, Ignored, Parsed, Refusal
from answerback.platforms.decoding import decode
from answerback.platforms.github.marker import marked
from answerback.platforms.github.mentions import mentions
from answerback.platforms.github.payload import About, Action, App, Payload, Post, User, payload
from answerback.platforms.signing import digest, keys, same
from answerback.platforms.subject import BODY, TITLE, shortened


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

# What ends our access, of which nothing else would tell.
_LOSSES = {
    "installation": {
        "deleted": "the app was removed there",
        "suspend": "the app may no longer read or post there",
    },
    "meta": {"deleted": "the webhook was deleted, and no events come any more"},
}

_former_body = msgspec.json.Decoder(dict[str, str]).decode
_payloads = {name: payload(kind.about, kind.post) for name, kind in KINDS.items()}
_action = msgspec.json.Decoder(Action)
_DOCUMENTED = "GitHub documents"


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
    Delivery ids: "github:<repository id>:<event>.<action>:<id of what was written>", for an edit also a digest of it
    and of when it was made. Not the X-GitHub-Delivery header: it is not signed, and some servers give each webhook (an
    app's, a repository's, an organization's) one of its own for the same comment.
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
    if name in _LOSSES:
        action = decode(_action, _unformed(headers, body), _DOCUMENTED).action
        if loss := _LOSSES[name].get(action or ""):
            return Ignored(f"GitHub says {name} {action}: {loss}", warning="access lost")
    if kind is None:
        return Ignored(f"{_printable(name)} events are not messages")
    payload = _read(name, _unformed(headers, body))
    if isinstance(payload, Ignored):
        return payload
    about: About = getattr(payload, kind.about)
    post: Post = getattr(payload, kind.post)
    if not about.number:
        raise MalformedBody(f"{name} {payload.action} without the number of its {kind.about}")
    message = f"{name if kind.post in ('comment', 'review') else kind.post}:{post.id}"
    delivery = f"github:{payload.repository.id}:{name}.{payload.action}:{post.id}"
    thread, address = _place(name, payload, about, post)
    if payload.action == "deleted":
        return [Amendment(delivery=delivery, thread=thread, message=message, text=None)]
    said = post.body or ""
    text = said if said.strip() else post.title or ""  # an issue may be all title
    amendment: Amendment | None = None
    added: tuple[str, ...] = ()
    if payload.action == "edited":
        if payload.changes is not None and not payload.changes.keys() & {"body", "title"}:
            return Ignored(f"{name} edited, but not its text")
        edit = f"{delivery}:{_digest(post.updated_at or '', post.title or '', said)}"
        amendment = Amendment(
            delivery=edit, thread=thread, message=message, text=text, mentions=mentions(said), at=_edited_at(post)
        )
        before = mentions(_before(payload))
        added = tuple(name for name in amendment.mentions if name not in before)
        if not added:
            return [amendment]
        # Once for each name that is added, however often the message is edited.
        delivery = f"{delivery}:{','.join(sorted(added))}"
    if not text.strip():
        return Ignored(f"{name} {payload.action} without a text")
    # By definition the sender of what was just written is its author; `user` is null for deleted accounts.
    author = post.user or payload.sender or User(id=0, login="ghost")
    said_at = post.submitted_at or post.created_at
    event = Event(
        delivery=delivery,
        former=_former(headers),
        thread=thread,
        kind=f"{name}.{payload.action}",
        text=text,
        author=Author(str(author.id), author.name, _kind(author, payload.sender, post)),
        message=message,
        channel=payload.repository.full_name,
        mentions=mentions(said),
        identities=identities(author, post.performed_via_github_app),
        reply=marked(said),
        address=address,
        subject=_subject(kind, about, post),
        title=about.title or "",
        url=post.html_url or "",
        at=int(said_at.timestamp() * 1000) if said_at else 0,
    )
    if amendment is None:
        return [event]
    editor = payload.sender or author
    heard = msgspec.structs.replace(
        event,
        former="",
        # Whoever edits may be a program, or us, that changes what a person wrote.
        author=msgspec.structs.replace(event.author, kind="bot") if _is_bot(editor) else event.author,
        identities=tuple(dict.fromkeys([*event.identities, *identities(editor, None)])),
        mentions=added,
        edited="mention",
    )
    return [msgspec.structs.replace(amendment, event=heard)]


def _read(name: str, body: bytes) -> Payload | Ignored:
    kind = KINDS[name]
    actions = (kind.action, "edited", "deleted")
    try:
        payload = decode(_payloads[name], body, _DOCUMENTED)
    except MalformedBody:
        # No matter, where it is not read any further.
        action = decode(_action, body, _DOCUMENTED).action
        if not action or action in actions:
            raise
        return _other(name, action)
    if payload.action not in actions:
        return _other(name, payload.action)
    for part in ("comment", "review"):
        if part != kind.post and payload.has(part):
            # The header is not signed, so the body decides: a comment's deletion must never pass for its issue's.
            raise MalformedBody(f"the body is not one of {name}: it has a comment or a review")
    return payload


def _other(name: str, action: str) -> Ignored:
    return Ignored(f"{name} {_printable(action) or 'without an action'}")


def _edited_at(post: Post) -> int:
    """When the post was last changed, ms; 0 where GitHub does not tell."""
    try:
        return int(msgspec.convert(post.updated_at, datetime).timestamp() * 1000)
    except (msgspec.ValidationError, ValueError, OverflowError):
        return 0


def _before(payload: Payload) -> str:
    """The text before an edit, "" where it is not told."""
    try:
        return _former_body(payload.changes["body"]).get("from", "") if payload.changes else ""
    except (msgspec.MsgspecError, KeyError):
        return ""


def _unformed(headers: Headers, body: bytes) -> bytes:
    if not headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
        return body
    # The webhook's other content type: the same JSON as the form field "payload", which is its only one.
    if not body.startswith(b"payload="):
        raise MalformedBody("the form has no field `payload`")
    return unquote_to_bytes(body[8:].partition(b"&")[0].replace(b"+", b" "))


def _former(headers: Headers) -> str:
    """The delivery id by which older versions knew an event; GitHub may deliver one of theirs again."""
    guid = headers.get("x-github-delivery", "")
    return f"github:{guid}" if 0 < len(guid) <= 128 and guid.isascii() and guid.isprintable() else ""


def _digest(*parts: str) -> str:
    return hashlib.blake2b(msgspec.msgpack.encode(parts), digest_size=8).hexdigest()


def _place(name: str, payload: Payload, about: About, post: Post) -> tuple[str, Address]:
    """The thread id, and the address of a reply."""
    thread = f"github:{payload.repository.id}:{about.number}"
    address: Address = {"repo": payload.repository.full_name, "number": about.number}
    if payload.installation:
        address["installation"] = payload.installation.id
    if name == "pull_request_review_comment":
        root = post.in_reply_to_id or post.id
        thread, address["root"] = f"{thread}:review:{root}", root
    elif KINDS[name].about == "discussion":
        address["discussion"] = about.node_id or ""
        if name == "discussion_comment" and post.parent_id:
            # A reply must name the parent's node id, which the webhook does not carry; ours leads to it.
            thread, address["comment"] = f"{thread}:comment:{post.parent_id}", post.node_id or ""
    return thread, address


def _subject(kind: Kind, about: About, post: Post) -> Subject:
    # A line that the pull request no longer has is null, and the one that was commented on still has its number.
    line, start = post.line or post.original_line or 0, post.start_line or post.original_start_line or 0
    return Subject(
        kind=kind.about,
        title=shortened(about.title or "", TITLE),
        body=shortened(about.body or "", BODY) if kind.post != kind.about else "",
        author=about.user.name if about.user else "",
        path=shortened(post.path or "", TITLE),
        start=start if start != line else 0,
        line=line,
        # Its end is what the comment stands under: https://docs.github.com/en/rest/pulls/comments (diff_hunk)
        diff=shortened(post.diff_hunk or "", BODY, end=True),
    )


def identities(author: User, app: App | None) -> tuple[str, ...]:
    """What the author of a post can be recognised by; `app` is what it was written through."""
    marks: tuple[str, ...] = (f"user:{author.id}",)
    if author.login:
        marks = (*marks, f"login:{author.login.lower()}")
    return (*marks, f"app:{app.id}") if app else marks


def _is_bot(user: User) -> bool:
    return user.type == "Bot" or user.name.endswith("[bot]")


def _kind(author: User, sender: User | None, post: Post) -> AuthorKind:
    """Whether a program wrote this: https://docs.github.com/en/rest/users/users#get-a-user (`type`)."""
    if author.id in {user.id for user in (author, sender) if user and _is_bot(user)}:
        return "bot"
    # Also set for people who write in an app's own pages, with a token that the app got for them.
    return "app" if post.performed_via_github_app else "person"


def _printable(word: str) -> str:
    return word[:60] if word.isascii() and word.isprintable() else "unnamed"
