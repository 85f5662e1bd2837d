"""Loops that use up processors, so that what is measured beside them is measured on a busy machine."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

BUSY = """
import os, signal
signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for who started it, and reports
parent = os.getppid()
while os.getppid() == parent:
    sum(range(100_000))
"""
"""Ends by itself when who started it is gone."""


@contextmanager
def busy_loops(count: int) -> Iterator[list[int]]:
    """Run so many loops, each of which takes a core; yields their pids."""
    loops = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield [loop.pid for loop in loops]
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
