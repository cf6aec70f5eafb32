"""File locks that show which processes are alive: the system releases them when their holder ends, however it ends."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if sys.platform != "win32":
    import fcntl


def lock(path: Path) -> int | None:
    """Return a descriptor that holds the lock until its last copy is closed; None if another process holds it."""
    opened = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    # Never 0, 1 or 2, even if ours are closed: the server's are redirected, which would lose the lock.
    descriptor = fcntl.fcntl(opened, fcntl.F_DUPFD_CLOEXEC, 3)
    os.close(opened)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            return None
        raise
    return descriptor
