"""The stand-ins as a process: `python -m answerback.testing.standins --port 0`.

Prints one JSON line, {"url": ..., "pid": ...}, as soon as it serves; ends on SIGTERM and SIGINT.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import msgspec

from answerback.testing.standins.options import Command, parse
from answerback.testing.standins.server import running


async def serve(command: Command) -> None:
    """Serve until a signal to stop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(command.options, command.port) as url:
        line = msgspec.json.encode({"url": url, "pid": os.getpid()}).decode()
        if command.ready_file is not None:
            # Renamed into place, so that a reader never sees half of the file.
            draft = command.ready_file.with_suffix(".draft")
            draft.write_text(line)
            draft.rename(command.ready_file)
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        if command.until_stdin_closes:
            reader = asyncio.StreamReader()
            await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
            ended = asyncio.create_task(reader.read())
            ended.add_done_callback(lambda _: stop.set())
        await stop.wait()


if __name__ == "__main__":
    try:
        import uvloop
    except ImportError:
        asyncio.run(serve(parse()))
    else:
        uvloop.run(serve(parse()))
