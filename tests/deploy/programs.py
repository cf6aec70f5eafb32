"""The programs that check deploy/: those of the extra `deploy`, and those that the system may have."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"
EXTRA = "install the extra: make .venv/deploy.installed"


def program(name: str, get: str = "") -> str:
    """Return the path of a program, or skip the test. `get`: how to get it, if not as the Debian package `name`."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed: {get or f'apt install {name}'}")
    return found


def run(
    *command: str | Path, code: int = 0, folder: Path = DEPLOY, environment: Mapping[str, str] | None = None
) -> str:
    """Run a program, and return what it prints. Its exit status must be `code`."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == code, f"{command[0]} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


def docker_compose() -> Path:
    """Return the path of Docker Compose, or skip the test. The script that pip makes for it loses the exit status."""
    package = find_spec("compose")
    for folder in (package and package.submodule_search_locations) or ():
        if (binary := Path(folder) / "docker-compose").exists():
            return binary
    pytest.skip(f"Docker Compose is not installed: {EXTRA}")
