"""The bundled server, used when REDIS_URL is not set."""

from answerback.store.embedded.executable import find_server
from answerback.store.embedded.failures import disk_full
from answerback.store.embedded.server import EmbeddedServer
from answerback.store.embedded.sockets import running

__all__ = ["EmbeddedServer", "disk_full", "find_server", "running"]
