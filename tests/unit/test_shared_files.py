"""Addresses of files: they lead to one file, for as long as they are valid, and show nothing."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerback.errors import SealBroken
from answerback.outgoing import File
from answerback.sealing import Seal
from answerback.settings import Settings
from answerback.shared_files import LIFETIME, SharedFiles

THREAD = "twilio:AC1:+15005550006:whatsapp:+14155550100"
KEY, OTHER = "k" * 40, "o" * 40


def shared(*keys: str) -> SharedFiles:
    return SharedFiles(Seal(keys or [KEY]), "https://bot.example/")


def sealed(url: str) -> str:
    return url.split("/")[4]


@given(st.text(min_size=1), st.text())
def test_an_address_leads_to_its_file_and_shows_only_its_name(thread: str, name: str) -> None:
    url = shared().url(f"twilio:{thread}", File(name, file="t.1"))
    assert url.startswith("https://bot.example/shared/")
    assert url.count("/") == 5
    assert url.isascii()
    assert shared().opened(sealed(url)) == (f"twilio:{thread}", "t.1")
    assert "twilio" not in sealed(url)


def test_what_is_not_an_address_of_ours_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    url = shared().url(THREAD, File("a.pdf", file="t.1"))
    assert shared(OTHER, KEY).opened(sealed(url)).file == "t.1", "keys are replaced"
    state = Seal([KEY]).close(b"t.1", "install state slack").decode()
    for broken in ("", "x", "ü", "\ud800", sealed(url)[:-4] + "AAA=", state, "A" * 5000):
        with pytest.raises(SealBroken):
            shared().opened(broken)
    with pytest.raises(SealBroken):
        shared(OTHER).opened(sealed(url))
    later = time.time() + LIFETIME + 1
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(SealBroken):
        shared().opened(sealed(url))


def test_files_are_shared_only_if_there_are_a_key_and_a_url() -> None:
    key, url = {"ANSWERBACK_SECRET_KEY": KEY}, {"PUBLIC_URL": "https://bot.example"}
    assert SharedFiles.of(Settings.load(key)) is SharedFiles.of(Settings.load(url)) is None
    assert SharedFiles.of(Settings.load(key | url)) is not None
