"""Servers that speak TLS only, with certificates of an authority of their own."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from tests.topologies.certificates import Authority

HOST = "localhost"
"""The name in the servers' certificates, which they announce. Their address is not in them."""


class Encryption:
    """The TLS of several servers. With `clients`, they require a certificate of each client."""

    def __init__(self, folder: Path, *, clients: bool) -> None:
        folder.mkdir(parents=True)
        self.authority = Authority(folder)
        certificate, key = self.authority.certificate("server", HOST)
        self.flags = (
            "--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-replication", "yes",
            "--tls-ca-cert-file", str(self.authority.path), "--tls-auth-clients", "yes" if clients else "no",
        )  # fmt: skip
        self.files = {"ssl_ca_certs": str(self.authority.path)}
        if clients:
            own, its_key = self.authority.certificate("client")
            self.files |= {"ssl_certfile": str(own), "ssl_keyfile": str(its_key)}

    @property
    def query(self) -> str:
        """The parameters of REDIS_URL."""
        return "?" + "&".join(f"{name}={value}" for name, value in self.files.items())

    @property
    def options(self) -> dict[str, Any]:
        """Arguments of the client library."""
        return {"ssl": True, "ssl_check_hostname": True, **self.files}


@cache
def server_with_tls() -> Path | None:
    """A server that was built with TLS; the bundled one is not."""
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            # Without certificates, it refuses to start; without TLS, it does not know the flag's meaning.
            said = subprocess.run(
                [path, "--port", "0", "--tls-port", "1"], capture_output=True, text=True, check=False, timeout=20
            )
            if "tls-cert-file" in said.stdout + said.stderr:
                return Path(path)
    return None
