"""What `up` keeps in ANSWERBACK_DATA for the commands in another terminal: secrets made up here, and its URL."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from answerback.errors import ConfigurationError
from answerback.platforms import PLATFORMS


class Announcement(msgspec.Struct, frozen=True):
    """An `up` that runs: the URL of its ingress, and its process id."""

    url: str
    pid: int


def development_secrets(data: Path, *, create: bool = False) -> dict[str, str]:
    """A secret for each platform's setting, by its name; kept, so that the next start has the same ones.

    Empty where none were made yet, unless `create`. Only for a server on this machine: whoever
    can read the folder can sign as a provider.
    """
    path = data / "dev-secrets.json"
    try:
        known = msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except FileNotFoundError:
        known = {}
    except (OSError, msgspec.MsgspecError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read ({error}): remove it, and it is made anew.") from None
    missing = [platform.SECRET for platform in PLATFORMS.values() if platform.SECRET not in known]
    if create and missing:
        # In the form that Standard Webhooks asks for; to the others it is any text.
        known |= {name: f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}" for name in missing}
        write_private(path, json.dumps(known, indent=2))
    return known


@contextmanager
def announced_as(data: Path, announcement: Announcement) -> Iterator[None]:
    """Tell where `up` serves, for as long as this lasts; a lock tells that its process lives."""
    path = data / "up.json"
    write_private(path, json.dumps(msgspec.to_builtins(announcement), indent=2))
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def announced(data: Path) -> Announcement | None:
    """The `up` that runs on this folder; None when there is none."""
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
    """Write a file that nobody else can read, whole or not at all. Raises `ConfigurationError`."""
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
