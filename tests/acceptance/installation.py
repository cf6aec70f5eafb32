"""Answerback as somebody installs it: a wheel, and environments that have nothing but what they are told to install."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable
from email import message_from_bytes
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

from tests.forks import ROOT


def once(folder: Path, make: Callable[[Path], None]) -> Path:
    """Return a folder that is made by the first of all the processes of a test run that want it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (done := folder / ".made").exists():
            folder.mkdir(exist_ok=True)
            make(folder)
            done.touch()
    return folder


def build(folder: Path) -> None:
    """Build the wheel."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )


def required(wheel: Path, *extras: str) -> dict[str, Distribution]:
    """Return what pip would install with the wheel and these extras, by name, as it is installed here."""
    metadata = next(name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".dist-info/METADATA"))
    lines = message_from_bytes(zipfile.ZipFile(wheel).read(metadata)).get_all("Requires-Dist", [])
    return _resolved((Requirement(line), set(extras)) for line in lines)


def environment(
    folder: Path, wheel: Path, extras: Iterable[str], others: Iterable[str] = (), *, like: Path | None = None
) -> None:
    """Make a virtual environment with the wheel and these extras, and with other packages by their requirements.

    The packages are those that are installed here: nothing is downloaded. pip installs the wheel, unless it has done so
    in another environment (`like`): most of that is the compiling of 400 modules.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    named = _resolved((Requirement(line), set[str]()) for line in others)
    for package in {**required(wheel, *extras), **named}.values():
        for name in {file.parts[0] for file in package.files or () if file.parts[0] not in ("..", "__pycache__")}:
            if not (packages / name).exists():
                (packages / name).symlink_to(str(package.locate_file(name)))
    for package in named.values():
        for script in package.entry_points.select(group="console_scripts"):
            program = folder / "bin" / script.name
            main = f"import sys\nfrom {script.module} import {script.attr}\nsys.exit({script.attr}())\n"
            program.write_text(f"#!{folder}/bin/python\n{main}")
            program.chmod(0o755)
    if like is None:
        pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin/python")]
        subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", wheel], check=True)
        return
    for path in like.glob("lib/python*/site-packages/answerback*"):
        (packages / path.name).symlink_to(path)
    text = (like / "bin/answerback").read_text()
    (folder / "bin/answerback").write_text(text.replace(str(like), str(folder)))
    (folder / "bin/answerback").chmod(0o755)


def _resolved(wanted: Iterable[tuple[Requirement, set[str]]]) -> dict[str, Distribution]:
    pending = [(requirement, extras) for requirement, extras in wanted]
    packages: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    while pending:
        requirement, extras = pending.pop()
        if requirement.marker and not any(requirement.marker.evaluate({"extra": one}) for one in {"", *extras}):
            continue
        new = {(requirement.name, extra) for extra in {"", *requirement.extras}} - seen
        if new:
            seen |= new
            packages[requirement.name] = package = distribution(requirement.name)
            pending += [(Requirement(line), requirement.extras) for line in package.requires or ()]
    return packages
