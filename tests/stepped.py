"""A server whose clock can be set while it runs: its calls for the time are answered by a library of ours.

What it measures by, its monotonic clock, stays as it is, as on a machine whose clock is set.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

static volatile long long *off; /* microseconds, in a file that the test writes to */

__attribute__((constructor)) static void begin(void) {
    int file = open(getenv("CLOCK_OFF_FILE"), O_RDONLY);
    off = mmap(0, sizeof *off, PROT_READ, MAP_SHARED, file, 0);
    if (off == MAP_FAILED) abort();
}

static int real(clockid_t id, struct timespec *at) {
    static int (*next)(clockid_t, struct timespec *);
    if (!next) next = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    return next(id, at);
}

int clock_gettime(clockid_t id, struct timespec *at) {
    int failed = real(id, at);
    if (failed || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE) || !off) return failed;
    long long us = at->tv_sec * 1000000LL + at->tv_nsec / 1000 + *off;
    at->tv_sec = us / 1000000;
    at->tv_nsec = us % 1000000 * 1000 + at->tv_nsec % 1000;
    return 0;
}

int gettimeofday(struct timeval *at, void *zone) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
"""


class SteppedServer:
    """The program of a server, made to run on a clock of its own. Skips the test where that cannot be done."""

    def __init__(self, folder: Path, binary: Path) -> None:
        if not self.possible():
            pytest.skip("the clock of a server can be set on Linux only, and with a C compiler")
        folder.mkdir(parents=True, exist_ok=True)
        source, library = folder / "clock.c", folder / "clock.so"
        source.write_text(_SOURCE)
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
        self._off = folder / "clock.off"
        self.seconds = 0.0
        """By how much its clock is ahead of ours."""
        self.set(0)
        # A script: whoever starts the server passes on little of the environment.
        self.binary = folder / binary.name
        self.binary.write_text(
            f'#!/bin/sh\nexport LD_PRELOAD="{library}" CLOCK_OFF_FILE="{self._off}"\nexec "{binary}" "$@"\n'
        )
        self.binary.chmod(0o755)

    @staticmethod
    def possible() -> bool:
        """Whether it can be done here."""
        return sys.platform == "linux" and shutil.which("cc") is not None

    def set(self, seconds: float) -> None:
        """Let the server's clock be so much ahead of the true time, from now on."""
        self.seconds = seconds
        with self._off.open("r+b" if self._off.exists() else "wb", buffering=0) as file:
            file.write(struct.pack("q", int(seconds * 1_000_000)))

    def step(self, seconds: float) -> None:
        """Set the server's clock forward, or back."""
        self.set(self.seconds + seconds)
