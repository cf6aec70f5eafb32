"""The development API key that `up` creates and keeps in ANSWERBACK_DATA as `dev-key`."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from urllib.parse import urlsplit

from answerback.errors import ConfigurationError
from answerback.store.access.api_keys import SCOPES, ApiKeys
from answerback.store.redis import Database

from .dev_environment import write_private

NAME = "development"
_HERE = ("", "localhost", "127.0.0.1", "::1")


def path(data: Path) -> Path:
    """Return the path of the key file."""
    return data / "dev-key"


def kept(data: Path) -> str | None:
    """Return the stored key, or None.

    Raises `ConfigurationError` for a file that others can access: a reader would have the key, and a writer
    would choose the identity with which we call.
    """
    where = path(data)
    try:
        with open(os.open(where, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
                raise ConfigurationError(
                    f"{where} must be a file of yours with mode 600: revoke the key in it (`answerback keys`) and "
                    "remove the file; `answerback up` creates another."
                )
            return file.read(1024).strip()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigurationError(
            f"{where} cannot be read ({reason}): remove it; the next start makes a new one."
        ) from None


def local(url: str) -> bool:
    """Return whether a Redis URL is on this machine. Only its operator creates keys in a remote one."""
    return urlsplit(url).scheme == "unix" or (urlsplit(url).hostname or "") in _HERE


async def development_key(data: Path, database: Database) -> Path:
    """Ensure that a live key of the workspace `default`, with all scopes, is stored. Return its path."""
    keys, stored = ApiKeys(database), kept(data)
    if stored is None or await keys.find(stored) is None:
        _, shown = await keys.create(scopes=SCOPES, name=NAME)
        write_private(path(data), f"{shown}\n")
    return path(data)
