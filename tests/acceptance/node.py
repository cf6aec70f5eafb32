"""Node, with the official clients of `tests/clients/node`: installed once a machine, into the virtual environment."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).parents[1] / "clients" / "node"
DECLARED = ("package.json", "package-lock.json")
PLACE = Path(sys.prefix) / "node"
OLDEST = 20
PATIENCE = 60
"""Seconds for an installation, and for a script."""


async def run(script: str, **environment: str) -> Any:
    """What a script prints, as JSON. Where it cannot run the test is skipped."""
    folder = await asyncio.to_thread(installed)
    # It comes by standard input: so its imports are looked for where the clients are installed.
    node = await asyncio.create_subprocess_exec(
        "node", "--input-type=module", "-", cwd=folder, env={"PATH": os.environ["PATH"], **environment},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE):
            out, trouble = await node.communicate((SCRIPTS / script).read_bytes())
    finally:
        if node.returncode is None:
            node.kill()
            await node.wait()
    assert node.returncode == 0, trouble.decode()
    return json.loads(out)


def installed() -> Path:
    """The folder of the clients, as their lock file pins them. One process installs; others wait for it."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("there is no node and npm here")
    digest = sha256(b"".join((SCRIPTS / name).read_bytes() for name in DECLARED)).hexdigest()
    folder = PLACE / digest[:16]
    PLACE.mkdir(exist_ok=True)
    with (PLACE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _install(folder)
    return folder


def _install(folder: Path) -> None:
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version[1:].partition(".")[0]) < OLDEST:
        pytest.skip(f"node is {version} here, and the clients need {OLDEST}")
    for old in PLACE.iterdir():
        if old.is_dir():
            shutil.rmtree(old)
    fresh = folder.with_suffix(".new")
    fresh.mkdir()
    for name in DECLARED:
        shutil.copy(SCRIPTS / name, fresh)
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=0", "--fetch-timeout=10000"]
    command = ["npm", "ci", *options, "--cache", str(PLACE / "cache")]
    try:
        done = subprocess.run(command, cwd=fresh, timeout=PATIENCE, capture_output=True, text=True, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm installs nothing here within {PATIENCE} s")
    if done.returncode:
        said = next((line for line in done.stderr.splitlines() if line.startswith("npm error")), "it does not say why")
        pytest.skip(f"npm installs nothing here: {said.removeprefix('npm error ')}")
    shutil.rmtree(PLACE / "cache", ignore_errors=True)
    fresh.rename(folder)
