"""What `up` keeps for the commands in another terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from answerback.errors import ConfigurationError
from answerback.platforms.registry import PLATFORMS
from tools.local.dev_environment import Announcement, announced, announced_as, development_secrets


def test_development_secrets_are_made_once_and_are_private(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert development_secrets(data) == {}
    made = development_secrets(data, create=True)
    assert set(made) == {platform.SECRET for platform in PLATFORMS.values()}
    assert development_secrets(data, create=True) == development_secrets(data) == made
    assert (data / "dev-secrets.json").stat().st_mode & 0o777 == 0o600
    assert data.stat().st_mode & 0o777 == 0o700


def test_damaged_development_secrets_are_told(tmp_path: Path) -> None:
    (tmp_path / "dev-secrets.json").write_text("{")
    with pytest.raises(ConfigurationError, match="remove it"):
        development_secrets(tmp_path)


def test_an_announcement_lasts_as_long_as_its_process(tmp_path: Path) -> None:
    assert announced(tmp_path) is None
    with announced_as(tmp_path, Announcement("http://127.0.0.1:1", 1)):
        assert announced(tmp_path) == Announcement("http://127.0.0.1:1", 1)
    assert announced(tmp_path) is None
    (tmp_path / "up.json").write_text('{"url": "http://127.0.0.1:1", "pid": 1}')  # its process was killed
    assert announced(tmp_path) is None
