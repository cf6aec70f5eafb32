"""API keys as an operator and a newcomer meet them: the commands as they are typed, on real processes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.acceptance.terminal import Terminal, until


def me(terminal: Terminal, key: str) -> tuple[int, dict[str, Any]]:
    """What the API says of a key."""
    request = urllib.request.Request(f"http://127.0.0.1:{terminal.port}/api/v1/me")
    request.add_header("Authorization", f"Bearer {key.strip()}")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_up_makes_a_development_key_and_shows_a_line_that_uses_it(terminal: Terminal) -> None:
    up = terminal.up()
    kept = terminal.data / "dev-key"
    assert kept.stat().st_mode & 0o777 == 0o600
    key = kept.read_text()
    assert me(terminal, key)[1]["scopes"] == ["admin", "agents:register", "chat:read", "chat:write"]
    [line] = re.findall(r"^ *(curl (?:.*\\\n)*.*)$", up.words(), re.MULTILINE)
    assert '"Authorization: Bearer $(cat .answerback/dev-key)"' in line
    if shutil.which("curl"):
        done = subprocess.run(["sh", "-c", line], cwd=terminal.folder, capture_output=True, text=True, check=True)
        assert json.loads(done.stdout)["workspace"] == "default"
    up.stop()
    again = terminal.up()
    assert kept.read_text() == key
    assert me(terminal, key)[0] == 200
    assert [each["name"] for each in terminal.json("keys")] == ["development"]
    for words in (up.words(), again.words()):
        assert key.strip() not in words
        assert key.strip().rpartition("_")[2] not in words


def test_a_development_key_that_opens_nothing_is_made_anew(terminal: Terminal) -> None:
    up = terminal.up()
    kept = terminal.data / "dev-key"
    key = kept.read_text()
    [made] = terminal.json("keys")
    assert terminal.out("keys", "revoke", made["id"]) == f"revoked {made['id']}\n"
    assert "is not valid in this store" in terminal.run("check", "--offline").out
    up.stop()
    terminal.up()
    assert kept.read_text() != key
    until(lambda: me(terminal, kept.read_text())[0] == 200, "the new key")


@pytest.mark.parametrize("how", ["readable", "linked"])
def test_a_development_key_that_others_may_have_is_not_used(terminal: Terminal, how: str) -> None:
    terminal.data.mkdir(mode=0o700)
    kept = terminal.data / "dev-key"
    if how == "readable":
        kept.write_text("ab_live_0123456789abcdef_" + "x" * 40)
        kept.chmod(0o644)
    else:
        os.symlink("/etc/hostname", kept)
    up = terminal.start()
    assert up.wait() == 1
    assert ".answerback/dev-key must be a file of yours" in up.words() or "cannot be read" in up.words()
    assert "worker" not in up.words()
    assert "remove" in up.words()
    assert terminal.run("check", "--offline").code == 1


def test_an_operator_makes_lists_rotates_and_revokes_keys(terminal: Terminal) -> None:
    terminal.up()
    done = terminal.run("keys", "create", "--workspace", "acme", "--name", "back end", "--expires", "90d")
    key = done.out.strip()
    assert re.fullmatch(r"ab_live_[0-9a-f]{16}_[0-9A-Za-z]{40}", key)
    assert "not be shown again" in done.err
    assert me(terminal, key)[1]["scopes"] == ["chat:read", "chat:write"]

    made = json.loads(terminal.out("keys", "create", "--publishable", "--origin", "https://a.example", "--json"))
    assert made["secret"].startswith("ab_pub_")
    assert (made["kind"], made["origins"], made["scopes"]) == ("pub", ["https://a.example"], [])

    listed = terminal.json("keys", "list", "--workspace", "acme")
    [found] = listed
    assert found["expires"] - found["created"] == 90 * 86_400_000
    table = terminal.out("keys")
    assert found["id"] in table
    assert "publishable" in table
    for secret in (key, made["secret"]):
        assert secret.rpartition("_")[2] not in table + json.dumps(listed)

    fresh = terminal.out("keys", "rotate", found["id"], "--grace", "0s").strip()
    until(lambda: me(terminal, key)[0] == 401, "the old secret's end")
    assert me(terminal, fresh)[0] == 200
    terminal.out("keys", "revoke", found["id"], made["id"])
    until(lambda: me(terminal, fresh)[0] == 401, "the key's end")
    assert [each["state"] for each in terminal.json("keys")] == ["live", "revoked", "revoked"]

    of_user = json.loads(terminal.out("keys", "user-token", "ada", "--workspace", "acme", "--expires", "1h", "--json"))
    assert me(terminal, of_user["secret"]) == (
        200,
        {"workspace": "acme", "scopes": ["chat:read", "chat:write"], "key": "", "user_id": "ada"},
    )
    terminal.out("keys", "revoke", of_user["id"])
    until(lambda: me(terminal, of_user["secret"])[0] == 401, "the user token's end")
    assert "30 days" in terminal.run("keys", "user-token", "ada", "--expires", "31d").err

    for command in (["revoke", "0123456789abcdef"], ["rotate", found["id"]]):
        assert terminal.run("keys", *command).code == 3
    assert "printable" in terminal.run("keys", "create", "--name", "\u202e").err
    assert "not a workspace name" in terminal.run("keys", "create", "--workspace", "ACME").err
    assert "is not an origin" in terminal.run("keys", "create", "--publishable", "--origin", "*").err
