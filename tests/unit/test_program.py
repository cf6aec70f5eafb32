"""The bundled server's program: which one is run, and what is said when it does not."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from answerback.errors import ConfigurationError
from answerback.store.embedded import EmbeddedServer
from answerback.store.embedded.executable import find_server

FAILS = Path(shutil.which("false") or "/bin/false")


def test_a_server_that_does_not_start_is_explained_and_leaves_the_folder_free(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="failed to start"):
            EmbeddedServer(tmp_path, binary=FAILS).start()


def test_a_program_that_is_not_there_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        EmbeddedServer(tmp_path, binary=tmp_path / "missing").start()


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot run on"):
        EmbeddedServer(tmp_path / "file" / "data", binary=FAILS).start()


def fake(folder: Path, name: str, version: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho 'Server v={version} sha=0'\n")
    path.chmod(0o755)
    return path


def test_a_server_on_the_path_comes_first_unless_it_is_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("answerback.store.embedded.executable.bundled_server", lambda: Path("bundled"))
    assert find_server() == Path("bundled")
    fake(tmp_path, "valkey-server", "6.2.14")
    assert find_server() == Path("bundled")
    redis = fake(tmp_path, "redis-server", "7.0.15")
    assert find_server() == redis
    valkey = fake(tmp_path, "valkey-server", "10.0.0")
    assert find_server() == valkey


def test_without_any_server_we_ask_for_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("answerback.store.embedded.executable.bundled_server", lambda: None)
    with pytest.raises(ConfigurationError, match="set REDIS_URL"):
        find_server()
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(ConfigurationError, match="Windows: set REDIS_URL"):
        find_server()


def test_a_full_disk_is_named_though_the_server_could_write_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(4096, 4096, 0))
    with pytest.raises(ConfigurationError, match=r"disk of .* is full \(less than 1 MiB free\). Free some"):
        EmbeddedServer(tmp_path, binary=FAILS).start()
