"""The Unix socket of the bundled server: where it is, and whether a server responds on it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import socket
import stat
import tempfile
from pathlib import Path
from typing import Literal

from answerback.errors import ConfigurationError


def running(data: Path) -> str | None:
    """Return the URL of the bundled server that is running on this folder, or None."""
    path = known_socket(data)
    return f"unix://{path}" if path and probe(path)[0] != "gone" else None


def _socket_name(data: Path) -> str:
    # Derived from the folder's inode, not its path: a copy of the folder never finds the original's server.
    status = data.stat()
    digest = hashlib.blake2b(f"{status.st_dev}:{status.st_ino}".encode(), digest_size=8).hexdigest()
    return f"answerback-{os.getuid()}-{digest}"


def known_socket(data: Path) -> Path | None:
    """Return the socket of the server that was last started on this folder; None for a copy of the folder."""
    try:
        path = Path((data / "server.url").read_text().strip().removeprefix("unix://"))
        return path if path.parent.name == _socket_name(data) else None
    except (OSError, ValueError):
        return None


def socket_folder(data: Path) -> Path:
    """Create a private folder for the socket in the system's temporary directory.

    A socket's path must be short: 107 bytes on Linux, 103 on macOS. XDG_RUNTIME_DIR is removed at logout, while we may
    keep running. Others can write to the temporary directory, too: a folder that is not private is rejected.
    """
    folder = Path(tempfile.gettempdir(), _socket_name(data))
    if len(os.fsencode(folder / "valkey.sock")) > 103:
        folder = Path("/tmp", folder.name)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise ConfigurationError(f"{folder} is not private to this user. Remove it and try again.")
    return folder


def probe(path: Path) -> tuple[Literal["ready", "loading", "silent", "gone"], int]:
    """Return a server's state, and its process id if known."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(str(path))
            connection.sendall(b"PING\r\nINFO server\r\nQUIT\r\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
    except (TimeoutError, BlockingIOError):
        return "silent", 0
    except OSError:
        return "gone", 0
    pid = re.search(rb"process_id:(\d+)", answer)
    if answer.startswith(b"+PONG") and pid:
        return "ready", int(pid[1])
    return ("loading" if answer.startswith(b"-LOADING") else "gone"), 0
