"""Installed accounts: what platforms gave us when our app was installed. Credentials are sealed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from answerback.accounts import Account
from answerback.codec import decoder, encode
from answerback.errors import SealBroken
from answerback.sealing import Seal
from answerback.store.fleet import keys
from answerback.store.redis import Database
from answerback.store.scripts import Scripts

KEPT = 90 * 86_400_000
"""ms for which it is remembered that an account was uninstalled, so that its dead letters can be explained."""

_CLOCKS = 1000
"""ms by which a platform's time may be early: some give whole seconds."""


class _Record(Account, frozen=True, omit_defaults=True, kw_only=True):
    """An account as stored: without its tokens, which are in `sealed`."""

    sealed: bytes = b""


class _Tokens(msgspec.Struct, frozen=True, omit_defaults=True):
    token: str
    refresh_token: str = ""


_decode = decoder(_Record)
_decode_tokens = decoder(_Tokens)


class Accounts:
    """The installed accounts of all platforms.

    Args:
        seal: Opens and seals credentials. Without it accounts can be listed and removed, and have no tokens.
    """

    def __init__(self, database: Database, seal: Seal | None) -> None:
        self._database = database
        self._scripts = Scripts(database)
        self._seal = seal

    async def put(self, platform: str, account: Account) -> Account:
        """Store an account that was installed just now, replacing an earlier installation. Return it with its time."""
        now = await self._database.now()
        account = msgspec.structs.replace(account, installed=now, removed=0, error="")
        await self._database.confirmed(("HSET", keys.accounts(platform), account.id, self._encoded(platform, account)))
        # Its token may be renewed, whatever became of the former one.
        await self.release_renewal(platform, account.id)
        return account

    async def replace(self, platform: str, held: bytes, account: Account) -> bool:
        """Store what has changed of an account. Return False if it has changed since `held` was read."""
        new = self._encoded(platform, account)
        swapped = await self._scripts.swap_field([keys.accounts(platform)], field=account.id, old=held, new=new)
        return bool(swapped)

    async def install(self, platform: str, account: Account, at: int = 0) -> bool:
        """Store an account that needs no token of its own. Return False if that was known already, or is out of date.

        `at`: when it was installed, ms; 0 if unknown. If it was uninstalled later, it is left as it is. A former
        installation of the same name that was uninstalled is forgotten: what is left of it goes on with this one.
        """
        while True:
            held = await self.held(platform)
            before = _decode(held[account.id]) if account.id in held else None
            if before and at and before.removed > at + _CLOCKS:
                return False
            for id, raw in held.items():
                former = _decode(raw)
                if id != account.id and former.removed and account.name and former.name == account.name:
                    await self.remove(platform, id)
            installed = before.installed if before and not before.removed else await self._database.now()
            now = msgspec.structs.replace(account, installed=installed, removed=0)
            if before and _account(before) == now:
                return False
            if await self._swap(platform, held.get(account.id, b""), now):
                return True

    async def uninstall(self, platform: str, id: str, at: int = 0, *, name: str = "", suspended: bool = False) -> bool:
        """Delete the credential of an account, and remember that it is gone.

        Args:
            platform: The platform's name.
            id: The account's id.
            at: When it was uninstalled, ms; 0 if unknown. A later installation is left as it is.
            name: Its name, where it needs no token of its own: that it is gone is then remembered in any case.
            suspended: Whether it was only suspended.

        Returns:
            False if that was known already, or is out of date.
        """
        while True:
            held = await self.read(platform, id)
            if not held and not name:
                return True  # the configured account: its credential is not ours to delete
            account = _decode(held) if held else Account(id=id)
            same = account.removed and (suspended or not account.suspended)
            if same or (at and account.installed > at + _CLOCKS):
                return False
            gone = Account(
                id=id,
                name=name or account.name,
                identity=account.identity,
                removed=await self._database.now(),
                suspended=suspended,
            )
            if await self._swap(platform, held, gone):
                return True

    async def compare(self, platform: str, listed: Sequence[Account], at: int) -> None:
        """Take over which accounts a platform lists, of those that need no token of their own.

        `at`: the time of Redis when it was asked for the list, ms. What has happened since then is left as it is.
        """
        # Redis gave this time and those it is compared with: none of them is early.
        before = at - _CLOCKS - 1
        for account in listed:
            if account.removed:
                await self.uninstall(platform, account.id, before, name=account.name, suspended=account.suspended)
            else:
                await self.install(platform, account, before)
        known = {account.id for account in listed}
        for account in await self.list(platform):
            if account.id not in known:
                await self.uninstall(platform, account.id, before)

    async def remove(self, platform: str, id: str) -> bool:
        """Remove all there is of an account. Return False if there was nothing."""
        (removed,) = await self._database.confirmed(("HDEL", keys.accounts(platform), id))
        return bool(removed)

    async def read(self, platform: str, id: str) -> bytes:
        """Return an account as stored; b"" if there is none."""
        return await self._database.call("HGET", keys.accounts(platform), id) or b""

    def opened(self, platform: str, held: bytes) -> Account:
        """Return an account as it was read, with its tokens. Raises `SealBroken` if none of our keys opens it."""
        record = _decode(held)
        account = _account(record)
        if not record.sealed:
            return account
        if self._seal is None:
            raise SealBroken
        tokens = _decode_tokens(self._seal.open(record.sealed, _purpose(platform, record.id)))
        return msgspec.structs.replace(account, token=tokens.token, refresh_token=tokens.refresh_token)

    @staticmethod
    def listed(held: bytes) -> Account:
        """Return an account as it was read, without its tokens."""
        return _account(_decode(held))

    def outdated(self, platform: str, held: bytes) -> bool:
        """Return whether an account, as it was read, was sealed with a key that is no longer the first."""
        record = _decode(held)
        return bool(self._seal and record.sealed and self._seal.outdated(record.sealed, _purpose(platform, record.id)))

    async def held(self, platform: str) -> dict[str, bytes]:
        """Return the accounts of a platform as stored, by id. Those that are gone for long are removed."""
        now = await self._database.now()
        stored = await self._database.call("HGETALL", keys.accounts(platform))
        held = {id.decode(): raw for id, raw in stored.items()}
        if old := [id for id, raw in held.items() if 0 < _decode(raw).removed < now - KEPT]:
            await self._database.call("HDEL", keys.accounts(platform), *old)
        return {id: raw for id, raw in held.items() if id not in old}

    async def list(self, platform: str) -> list[Account]:
        """Return the accounts of a platform, by name, without their tokens."""
        held = await self.held(platform)
        return sorted((_account(_decode(raw)) for raw in held.values()), key=lambda account: account.title)

    async def marks(self, platform: str) -> set[str]:
        """Return the marks of messages that we wrote with any of a platform's accounts."""
        accounts = await self.list(platform)
        return {mark for account in accounts if account.identity for mark in account.identity.marks}

    async def now(self) -> int:
        """Return the time of Redis in ms."""
        return await self._database.now()

    async def reserve_renewal(self, platform: str, id: str, ms: int) -> bool:
        """Return whether the caller alone may renew an account's token, for `ms` from now on."""
        key = keys.account_renewal(platform, id)
        (reserved,) = await self._database.confirmed(("SET", key, "1", "NX", "PX", ms))
        return bool(reserved)

    async def release_renewal(self, platform: str, id: str) -> None:
        """Let others renew an account's token again."""
        await self._database.call("DEL", keys.account_renewal(platform, id))

    async def postpone_renewal(self, platform: str, id: str, ms: int) -> None:
        """Prevent renewals of an account's token for `ms` from now on."""
        await self._database.call("SET", keys.account_renewal(platform, id), "1", "PX", ms)

    async def uses_state(self, digest: str, ms: int) -> bool:
        """Record that the state of an installation is used; it is valid for `ms`. Return False if it was."""
        (first,) = await self._database.confirmed(("SET", keys.install_state(digest), "1", "NX", "PX", ms))
        return bool(first)

    async def _swap(self, platform: str, held: bytes, account: Account) -> bool:
        """Store an account without tokens, unless it has changed since `held` was read."""
        key, new = keys.accounts(platform), encode(_Record(**msgspec.structs.asdict(account)))
        return bool(await self._scripts.swap_field([key], field=account.id, old=held, new=new))

    def _encoded(self, platform: str, account: Account) -> bytes:
        if self._seal is None:
            raise SealBroken("ANSWERBACK_SECRET_KEY is not set: a credential cannot be stored")
        tokens = encode(_Tokens(account.token, account.refresh_token))
        sealed = self._seal.close(tokens, _purpose(platform, account.id))
        fields = msgspec.structs.asdict(account) | {"token": "", "refresh_token": "", "sealed": sealed}
        return encode(_Record(**fields))


def _account(record: _Record) -> Account:
    fields = msgspec.structs.asdict(record)
    del fields["sealed"]
    return Account(**fields)


def _purpose(platform: str, id: str) -> str:
    return f"account {platform}:{id}"
