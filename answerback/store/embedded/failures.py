"""Why the bundled server ended or did not start, for an operator: its exit status and the end of its log explained."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

LEAST_FREE = 1_048_576
"""Free bytes below which a disk counts as full. A server needs some to start."""


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


def explain_exit(binary: Path, data: Path, status: int, words: bytes) -> str:
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
