"""The key that `up` makes for this machine, and keeps in ANSWERBACK_DATA as `dev-key`: to try the API with."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from urllib.parse import urlsplit

from answerback.errors import ConfigurationError
from answerback.store import Database
from answerback.store.access.api_keys import SCOPES, ApiKeys

from .dev_environment import write_private

NAME = "development"
_HERE = ("", "localhost", "127.0.0.1", "::1")


def path(data: Path) -> Path:
    """Where it is kept."""
    return data / "dev-key"


def kept(data: Path) -> str | None:
    """The key that is kept; None when there is none.

    Raises `ConfigurationError` for a file that is not ours alone: who else can read it has the key, and who
    else can write it says as whom we call.
    """
    where = path(data)
    try:
        with open(os.open(where, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
                raise ConfigurationError(
                    f"{where} is not yours alone (mode 600): revoke the key in it (`answerback keys`) and remove the "
                    "file; `answerback up` makes another."
                )
            return file.read(1024).strip()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigurationError(f"{where} cannot be read ({reason}): remove it, and it is made anew.") from None


def local(url: str) -> bool:
    """Whether a Redis is on this machine. Into another one nobody but its operator puts a key."""
    return urlsplit(url).scheme == "unix" or (urlsplit(url).hostname or "") in _HERE


async def development_key(data: Path, database: Database) -> Path:
    """See that a live key of the workspace `default`, with all scopes, is kept. Returns where."""
    keys, known = ApiKeys(database), kept(data)
    if known is None or await keys.find(known) is None:
        _, shown = await keys.create(scopes=SCOPES, name=NAME)
        write_private(path(data), f"{shown}\n")
    return path(data)
