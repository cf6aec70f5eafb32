"""The client library's errors as ours, each in one sentence with what to do."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import TimeoutError as RedisTimeoutError

from answerback.errors import StoreFull, StoreUnavailable, StoreUnfit
from answerback.store.connection.wire import Demoted, Unfit

# Errors of a server that rejects writes for now; any other error is a bug of ours. The client library strips the first
# word of an error it has a class for, and keeps it otherwise.
FULL = OutOfMemoryError
_AWAY = (ReadOnlyError, ClusterDownError, TryAgainError)
_FORBIDDEN = (
    "ACL failure in script",
    "The user executing the script",
)  # Valkey and Redis, for commands within a script
_AWAY_WORDS = ("BUSY ", "NOREPLICAS ", "UNKILLABLE ", "MASTERDOWN ")


@contextmanager
def translated() -> Iterator[None]:
    """Raise `StoreUnavailable`, `StoreFull` or `StoreUnfit` instead of the client library's errors."""
    try:
        yield
    except NoScriptError:
        raise
    except Unfit as error:
        raise StoreUnfit(str(error)) from error
    except ResponseError as error:
        ours = _of_response(error)
        if ours is None:
            raise
        raise ours from error
    except AuthenticationError as error:
        raise StoreUnavailable(
            f"Redis rejected the user or password in REDIS_URL: {error}. Correct them, "
            "or the user's password on the server"
        ) from error
    except BusyLoadingError as error:
        raise StoreUnavailable("Redis is loading its data after a start: it responds when that is done") from error
    except (RedisTimeoutError, TimeoutError) as error:
        raise StoreUnavailable("Redis did not respond in time.") from error
    except Demoted as error:
        raise StoreUnavailable(f"{error}. The Sentinels are asked for the new one") from error
    except (RedisError, OSError) as error:
        raise StoreUnavailable(f"Redis is unavailable: {error}{_tls_advice(error)}") from error


def _of_response(error: ResponseError) -> StoreUnavailable | StoreFull | None:
    text = str(error)
    if isinstance(error, NoPermissionError) or text.startswith(_FORBIDDEN):
        return StoreUnfit(f"Redis rejected a command: {text}. Run `answerback check` for what to do")
    if text.startswith("unknown command") or "command called from script" in text:
        return StoreUnfit(
            f"Redis does not know a command: {text}. Remove it from rename-command in the server's configuration"
        )
    if isinstance(error, FULL) or "MISCONF" in text:
        return StoreFull(f"Redis is full: {text}")
    if isinstance(error, ReadOnlyError):
        return StoreUnavailable(f"Redis is a replica, which is read-only: point REDIS_URL at its master ({text})")
    if isinstance(error, _AWAY) or text.startswith(_AWAY_WORDS):
        return StoreUnavailable(f"Redis is not ready: {text}")
    return None


def _tls_advice(error: BaseException) -> str:
    """Return what to do about a mismatch of TLS settings, "" if the error is none."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    text = f"{error} {cause or ''}".lower()
    if "certificate_verify_failed" in text or "certificate verify failed" in text:
        if "hostname mismatch" in text or "ip address mismatch" in text:
            return (
                ". Use a name in the server's certificate: in REDIS_URL and, behind Sentinels or in a Cluster, in what "
                "the servers announce. Or add ssl_check_hostname=no to REDIS_URL"
            )
        return ". Name the certificate authority of the server in REDIS_URL: ?ssl_ca_certs=/path/ca.pem"
    if "certificate required" in text or "handshake failure" in text:
        return ". The server requires a client certificate: add ssl_certfile= and ssl_keyfile= to REDIS_URL"
    if "wrong_version_number" in text or "wrong version number" in text or "record layer failure" in text:
        return ". The server does not use TLS on this port: start REDIS_URL with redis instead of rediss"
    return ""
