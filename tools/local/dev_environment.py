"""What `up` keeps in ANSWERBACK_DATA for commands in another terminal: generated secrets and its URL."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from answerback.errors import ConfigurationError
from answerback.platforms.registry import PLATFORMS


class Announcement(msgspec.Struct, frozen=True):
    """A running `up`: the URL of its ingress, and its process id."""

    url: str
    pid: int


def development_secrets(data: Path, *, create: bool = False) -> dict[str, str]:
    """Return a webhook secret per platform, by the name of its setting; they are kept for the next start.

    Empty when none exist yet, unless `create`. For a server on this machine only: anyone who can read the
    folder can sign as a provider.
    """
    path = data / "dev-secrets.json"
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except FileNotFoundError:
        kept = {}
    except (OSError, msgspec.MsgspecError, ValueError) as error:
        raise ConfigurationError(
            f"{path} cannot be read ({error}): remove it; the next start makes a new one."
        ) from None
    missing = [platform for platform in PLATFORMS.values() if platform.SECRET not in kept]
    if create and missing:
        kept |= {platform.SECRET: platform.SETTINGS.new_secret() for platform in missing}
        write_private(path, json.dumps(kept, indent=2))
    return kept


@contextmanager
def announced_as(data: Path, announcement: Announcement) -> Iterator[None]:
    """Announce where `up` serves while this context is open; a file lock shows that its process is alive."""
    path = data / "up.json"
    write_private(path, json.dumps(msgspec.to_builtins(announcement), indent=2))
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def announced(data: Path) -> Announcement | None:
    """Return the `up` that runs in this folder, or None."""
    try:
        with (data / "up.json").open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return msgspec.json.decode(file.read(), type=Announcement)
    except (OSError, msgspec.MsgspecError, ValueError):
        pass
    return None


def write_private(path: Path, text: str) -> None:
    """Write a file atomically, readable only by its owner. Raises `ConfigurationError`."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        fresh.replace(path)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written: {error.strerror}. Set ANSWERBACK_DATA to another folder."
        ) from None
