"""API keys: what a client may do in which workspace."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, cast

import msgspec

from answerback.errors import AnswerbackError
from answerback.store.access import keys
from answerback.store.access.credential import Credential
from answerback.store.redis import Database
from answerback.store.scripts import Scripts
from answerback.store.thread_ids import DEFAULT_WORKSPACE

Scope = Literal["chat:read", "chat:write", "agents:register", "admin"]

SCOPES: tuple[Scope, ...] = ("chat:read", "chat:write", "agents:register", "admin")

WORKSPACE = re.compile(r"[a-z0-9-]{1,64}")
# https://www.rfc-editor.org/rfc/rfc6454#section-6.2: a DNS name, or the id of an app or extension:
# capacitor://localhost (https://capacitorjs.com/docs/config), app://…, tauri://localhost, chrome-extension://<id>
# (https://developer.chrome.com/docs/extensions/develop/concepts/network-requests), moz-extension://<uuid>.
_ORIGIN = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]{0,40})://(?P<host>[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?|\[[0-9a-f:.]{2,45}\])(:(?P<port>[0-9]{1,5}))?/?"
)
_NO_ORIGIN = frozenset(
    {"about", "blob", "data", "file", "filesystem", "ftp", "javascript", "mailto", "view-source", "ws", "wss"}
)
"""Schemes without pages, or whose pages have the origin "null" in browsers, which is not unique."""


class InvalidKey(AnswerbackError):
    """The parameters of the API key are invalid."""


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """An API key, as of `read`. All times are ms by the clock of Redis; 0 means never.

    Attributes:
        kind: "live", or "pub": publishable, for web pages at one of its `origins`.
        scopes: Of a live key; a publishable key has none.
        hash: Hash of its secret.
        previous: Hash of the previous secret while that is still valid.
    """

    id: str
    workspace: str
    kind: Literal["live", "pub"]
    name: str
    scopes: tuple[Scope, ...]
    origins: tuple[str, ...]
    created: int
    expires: int
    last_used: int
    revoked: int
    hash: str
    previous: str
    read: int

    @property
    def state(self) -> Literal["live", "expired", "revoked"]:
        """Whether the key is valid."""
        return "revoked" if self.revoked else "expired" if 0 < self.expires <= self.read else "live"

    def accepts(self, shown: Credential) -> bool:
        """Return whether the credential is for this key, and the key is valid."""
        mine = shown.kind == self.kind and shown.id == self.id
        return mine and self.state == "live" and shown.matches(self.hash, self.previous)


class ApiKeys:
    """The API keys of one Redis."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._scripts = Scripts(database)

    async def create(
        self,
        workspace: str = DEFAULT_WORKSPACE,
        *,
        scopes: Iterable[str] = (),
        origins: Iterable[str] = (),
        name: str = "",
        expires: float | None = None,
    ) -> tuple[ApiKey, Credential]:
        """Create a key with `scopes`, or a publishable one for `origins`, that expires after `expires` seconds.

        Only the caller gets the secret. Raises `InvalidKey`.
        """
        scopes, origins = tuple(dict.fromkeys(scopes)), tuple(dict.fromkeys(map(_origin, origins)))
        _check(workspace, scopes, origins, name, expires)
        shown = Credential.new("pub" if origins else "live")
        now = await self._database.now()
        fields: dict[str, str | int] = {
            "workspace": workspace,
            "kind": shown.kind,
            "name": name,
            "scopes": " ".join(scopes),
            "origins": " ".join(origins),
            "created": now,
            "expires": now + int(expires * 1000) if expires else 0,
            "last_used": 0,
            "revoked": 0,
            "hash": shown.hash,
            "previous": "",
            "previous_until": 0,
        }
        await self._database.confirmed(
            ("HSET", keys.api_key(shown.id), *(word for field in fields.items() for word in field)),
            ("SADD", keys.api_keys(), shown.id),
            *(("SADD", keys.origin(origin), shown.id) for origin in origins),
        )
        made = await self.get(shown.id)
        assert made is not None
        return made, shown

    async def get(self, id: str) -> ApiKey | None:
        """Return a key by its id, in any state; None if there is none."""
        fields, (seconds, micros) = await self._database.together(("HGETALL", keys.api_key(id)), ("TIME",))
        return _read(id, fields, int(seconds) * 1000 + int(micros) // 1000) if fields else None

    async def find(self, shown: str) -> ApiKey | None:
        """Return the valid key with this text; None if there is none."""
        credential = Credential.read(shown)
        key = await self.get(credential.id) if credential else None
        return key if key and credential and key.accepts(credential) else None

    async def allowing(self, origin: str) -> list[ApiKey]:
        """Return the valid publishable keys for a web origin."""
        ids = await self._database.call("SMEMBERS", keys.origin(origin))
        records = [await self.get(id.decode()) for id in sorted(ids)]
        return [key for key in records if key and key.state == "live"]

    async def revoke(self, id: str) -> bool:
        """Revoke a key permanently, with its session tokens. Return False if there is none."""
        return bool(await self._scripts.revoke([keys.api_key(id)]))

    async def rotate(self, id: str, *, grace: float) -> Credential | None:
        """Give a key a new secret; the old one stays valid for `grace` seconds. None if it is missing or revoked."""
        key = await self.get(id)
        if key is None:
            return None
        shown = Credential.new(key.kind, id)
        done = await self._scripts.rotate([keys.api_key(id)], hash=shown.hash, grace=int(grace * 1000))
        return shown if done else None

    async def touch(self, key: ApiKey) -> None:
        """Record that a key was used."""
        await self._database.call("HSET", keys.api_key(key.id), "last_used", key.read)

    async def list(self, workspace: str | None = None) -> list[ApiKey]:
        """Return all keys of a workspace or of all workspaces, including revoked ones, oldest first."""
        ids = sorted(await self._database.call("SMEMBERS", keys.api_keys()))
        records = [await self.get(id.decode()) for id in ids]
        kept = [key for key in records if key and workspace in (None, key.workspace)]
        return sorted(kept, key=lambda key: (key.created, key.id))


def _read(id: str, fields: dict[bytes, bytes], now: int) -> ApiKey:
    text = {name.decode(): value.decode() for name, value in fields.items()}
    return ApiKey(
        id=id,
        workspace=text["workspace"],
        kind="pub" if text["kind"] == "pub" else "live",
        name=text["name"],
        scopes=cast(tuple[Scope, ...], tuple(text["scopes"].split())),
        origins=tuple(text["origins"].split()),
        created=int(text["created"]),
        expires=int(text["expires"]),
        last_used=int(text["last_used"]),
        revoked=int(text["revoked"]),
        hash=text["hash"],
        previous=text["previous"] if int(text["previous_until"]) > now else "",
        read=now,
    )


def check_workspace(workspace: str) -> None:
    """Raise `InvalidKey` if a text is not the name of a workspace."""
    if not WORKSPACE.fullmatch(workspace):
        raise InvalidKey(f'"{workspace}" is not a workspace name: use 1 to 64 characters of a-z, 0-9 and "-".')


def _check(workspace: str, scopes: tuple[str, ...], origins: tuple[str, ...], name: str, expires: float | None) -> None:
    check_workspace(workspace)
    if unknown := [scope for scope in scopes if scope not in SCOPES]:
        raise InvalidKey(f'"{unknown[0]}" is not a scope. Scopes: {", ".join(SCOPES)}.')
    if scopes and origins:
        raise InvalidKey("a publishable key has origins and no scopes: it can only open sessions.")
    if not scopes and not origins:
        raise InvalidKey("a key needs a scope, or an origin if it is publishable.")
    if len(name) > 200 or not name.isprintable():
        raise InvalidKey("a name has at most 200 printable characters.")
    if expires is not None and not 0 < expires <= 100 * 365 * 86_400:
        raise InvalidKey("a key must expire in the future, within 100 years.")


def _origin(text: str) -> str:
    match = _ORIGIN.fullmatch(text.lower())
    if match is None or int(match["port"] or 1) > 65_535 or match["scheme"] in _NO_ORIGIN:
        raise InvalidKey(
            f'"{text}" is not an origin: write it as browsers send it, without a path: https://www.example.com, '
            "capacitor://localhost or chrome-extension://<id>."
        )
    port = match["port"] if match["port"] != {"http": "80", "https": "443"}.get(match["scheme"]) else None
    return f"{match['scheme']}://{match['host']}" + (f":{port}" if port else "")
