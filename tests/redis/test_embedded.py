"""The bundled server: what it keeps through crashes, and how it shares its folder (not at all)."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis as client

from answerback.errors import ConfigurationError
from answerback.store.embedded import EmbeddedServer, running
from answerback.store.embedded.executable import bundled_server

OWNER = """
import signal, sys, time
from pathlib import Path
from answerback.store.embedded import EmbeddedServer
signal.signal(signal.SIGINT, signal.SIG_IGN)
server = EmbeddedServer(Path(sys.argv[1]), binary=Path(sys.argv[2]))
server.start()
print(server.pid, flush=True)
time.sleep(60)
"""
Owner = Callable[[], tuple[subprocess.Popen[str], int]]
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture(params=["valkey", "redis"])
def binary(request: pytest.FixtureRequest) -> Path:
    """A server's program."""
    found = bundled_server() if request.param == "valkey" else shutil.which("redis-server")
    if found is None:
        pytest.skip(f"no {request.param} server is installed here")
    return Path(found)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def server(data: Path, binary: Path) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(data, binary=binary)
    yield server
    server.stop()


@pytest.fixture
def owner(data: Path, binary: Path) -> Iterator[Owner]:
    """Starts a server from a process of its own; returns that, and the server's process id."""
    started = list[subprocess.Popen[str]]()

    def start() -> tuple[subprocess.Popen[str], int]:
        command = [sys.executable, "-c", OWNER, str(data), str(binary)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        started.append(process)
        assert process.stdout
        return process, int(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.communicate()


def connect(server: EmbeddedServer) -> client.Redis:
    return client.Redis.from_url(server.url)


def journal(data: Path) -> Path:
    """The file that the next write goes to."""
    return max((data / "appendonlydir").glob("*.incr.aof"))


def test_what_was_written_is_there_after_a_restart(server: EmbeddedServer) -> None:
    server.start()
    connect(server).set("thread", "1")
    server.stop()
    server.start()
    assert connect(server).get("thread") == b"1"


def test_an_acknowledged_write_outlives_the_death_of_the_server(server: EmbeddedServer) -> None:
    server.start()
    for number in range(4):
        connect(server).set("thread", number)
        server.kill()
        server.start()
        assert connect(server).get("thread") == str(number).encode()


def test_a_server_that_died_by_itself_can_be_started_again(server: EmbeddedServer) -> None:
    server.start()
    connect(server).set("thread", "1")
    os.kill(server.pid, signal.SIGKILL)
    while server.alive:
        pass
    server.start()
    assert connect(server).get("thread") == b"1"


def test_a_folder_in_use_is_refused(server: EmbeddedServer, data: Path, binary: Path) -> None:
    server.start()
    before = server.pid
    with pytest.raises(ConfigurationError, match="Another Answerback is running"):
        EmbeddedServer(data, binary=binary).start()
    server.start()  # by its owner, again: changes nothing
    assert server.pid == before


def test_two_folders_have_two_servers(server: EmbeddedServer, tmp_path: Path, binary: Path) -> None:
    server.start()
    with EmbeddedServer(tmp_path / "other", binary=binary) as other:
        connect(server).set("thread", "1")
        assert connect(other).get("thread") is None


def test_a_server_whose_owner_was_killed_is_adopted(server: EmbeddedServer, owner: Owner, data: Path) -> None:
    process, pid = owner()
    with pytest.raises(ConfigurationError, match="Another Answerback is running"):
        server.start()
    process.kill()
    process.wait()
    server.start()
    assert server.pid == pid
    assert connect(server).ping()
    server.stop()
    assert running(data) is None
    server.start()
    assert server.pid != pid


def test_an_adopted_server_that_dies_is_replaced(server: EmbeddedServer, owner: Owner) -> None:
    process, pid = owner()
    process.kill()
    process.wait()
    server.start()
    connect(server).set("thread", "1")
    server.kill()
    server.start()
    assert server.pid != pid
    assert connect(server).get("thread") == b"1"


def test_ctrl_c_in_the_terminal_does_not_reach_it(server: EmbeddedServer, owner: Owner) -> None:
    process, pid = owner()
    os.killpg(process.pid, signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.2)
    assert os.getsid(pid) != os.getsid(process.pid)
    process.kill()
    process.wait()
    server.start()
    assert server.pid == pid


def test_a_second_terminal_finds_it(server: EmbeddedServer, data: Path) -> None:
    assert running(data) is None
    server.start()
    assert running(data) == server.url
    server.kill()
    assert running(data) is None


def test_a_copy_of_the_folder_does_not_find_the_server_of_the_original(server: EmbeddedServer, data: Path) -> None:
    server.start()
    shutil.copytree(data, data.with_name("copy"))
    assert running(data.with_name("copy")) is None


def test_a_folder_deep_in_the_file_system_works(tmp_path: Path, binary: Path) -> None:
    deep = tmp_path / ("d" * 120) / ("e" * 120) / "it's a folder"
    with EmbeddedServer(deep, binary=binary) as server:
        assert connect(server).ping()
        assert running(deep) == server.url


def test_a_long_temporary_folder_works(server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = tmp_path / ("t" * 100)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    server.start()
    assert connect(server).ping()


def test_a_socket_folder_that_others_can_enter_is_not_used(server: EmbeddedServer) -> None:
    server.start()
    folder = Path(server.url.removeprefix("unix://")).parent
    assert folder.stat().st_mode & 0o777 == 0o700
    server.stop()
    assert not folder.exists()
    folder.mkdir(mode=0o755)
    with pytest.raises(ConfigurationError, match="is not private"):
        server.start()
    folder.rmdir()


@linux
def test_it_listens_on_no_port_and_knows_no_secret(server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "hunter2")
    server.start()
    process = Path("/proc", str(server.pid))
    sockets = {os.readlink(link).strip("socket:[]") for link in (process / "fd").iterdir()}
    for table in ("tcp", "tcp6"):
        rows = (process / "net" / table).read_text().splitlines()[1:]
        assert not sockets & {row.split()[9] for row in rows}
    assert b"hunter2" not in (process / "environ").read_bytes()


def test_it_is_set_up_to_keep_everything(server: EmbeddedServer) -> None:
    server.start()
    wanted = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction", "port": "0", "save": ""}
    found = connect(server).config_get("*")
    assert isinstance(found, dict)
    assert {name: found[name] for name in wanted} == wanted


def test_a_torn_end_of_the_journal_is_dropped(server: EmbeddedServer, data: Path) -> None:
    server.start()
    connect(server).set("whole", "1")
    connect(server).set("torn", "1")
    server.stop()
    os.truncate(journal(data), journal(data).stat().st_size - 3)
    server.start()
    assert connect(server).mget("whole", "torn") == [b"1", None]


def test_a_damaged_journal_is_explained_and_the_advice_works(server: EmbeddedServer, data: Path) -> None:
    server.start()
    connect(server).set("before", "1")
    connect(server).set("after", "1")
    server.stop()
    damaged = journal(data).read_bytes().replace(b"$5\r\nafter", b"X5\r\nafter")
    journal(data).write_bytes(damaged)
    with pytest.raises(ConfigurationError, match="is damaged") as caught:
        server.start()
    assert str(journal(data)) in str(caught.value)
    repair = str(caught.value).splitlines()[-1].strip()
    assert " --fix " in repair
    subprocess.run(repair, shell=True, input="y\n", text=True, check=True, capture_output=True)
    server.start()
    assert connect(server).mget("before", "after") == [b"1", None]
