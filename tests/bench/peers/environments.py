"""The environments of the peers, in `.venv/peers`: what one allows of redis-py, another does not.

`locks/NAME.txt` locks each; `make lock` writes them.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.bench.bench import ROOT

LOCKS = Path(__file__).parent / "locks"
FOLDER = ROOT / ".venv/peers"


def names() -> list[str]:
    """Return the names of the environments."""
    return sorted(lock.stem for lock in LOCKS.glob("*.txt"))


def program(name: str, program: str = "python") -> str:
    """Return the path of a program in an environment."""
    return str(FOLDER / name / "bin" / program)


def install() -> None:
    """Make the environments that are missing, or older than their locks, all at once.

    Raises:
        SystemExit: one cannot be made.
    """
    missing = [name for name in names() if not _installed(name)]
    if not missing:
        return
    print(f"installing the peers into .venv/peers (once): {', '.join(missing)} …", flush=True)
    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--requirement"]
    _together({name: [sys.executable, "-m", "venv", "--clear", str(FOLDER / name)] for name in missing})
    _together({name: [program(name), *pip, str(LOCKS / f"{name}.txt")] for name in missing})
    for name in missing:
        (FOLDER / name / "installed").write_text((LOCKS / f"{name}.txt").read_text())


def versions() -> dict[str, str]:
    """Return the versions of what the environments are made for, as they are locked."""
    found: dict[str, str] = {}
    for name in names():
        wanted = re.findall(r"^[a-z][\w-]*", (LOCKS / f"{name}.in").read_text(), re.MULTILINE)
        locked = dict(re.findall(r"^([\w-]+)==(\S+)", (LOCKS / f"{name}.txt").read_text(), re.MULTILINE))
        found |= {package: locked[package] for package in wanted if package != "typing-extensions"}
    return found


def _installed(name: str) -> bool:
    mark = FOLDER / name / "installed"
    return mark.exists() and mark.read_text() == (LOCKS / f"{name}.txt").read_text()


def _together(commands: dict[str, list[str]]) -> None:
    """Run a command for each environment. What they print is shown if one fails."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    logs = {name: FOLDER / f"{name}.log" for name in commands}
    running = {}
    try:
        for name, command in commands.items():
            with logs[name].open("wb") as log:
                running[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        failed = [name for name, process in running.items() if process.wait() != 0]
    finally:
        for process in running.values():
            process.kill()
    if failed:
        raise SystemExit(
            "\n".join(logs[name].read_text()[-2_000:] for name in failed)
            + f"\nnot installed: {', '.join(failed)}; --no-peers measures without the peers"
        )
