"""What a process has and holds: processes below it, threads, descriptors, ports, folders, memory.

Invariant: whatever is counted is counted by what it is called, so that what is too much can be named.
"""

import os
import re
import socket
import threading
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

KINDS = ("processes", "threads", "descriptors", "listening ports", "temp folders")
KIB = 1024
NOTHING: Counter[str] = Counter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """What was there at a moment: for each of `KINDS` how many of which name, and the memory used.

    Args:
        names: kind -> name -> how many.
        memory_bytes: resident memory of this process alone.

    """

    names: Mapping[str, Counter[str]]
    memory_bytes: int

    def count(self, kind: str) -> int:
        """Return how many of a kind there were."""
        return self.names[kind].total()

    def beyond(self, before: "Census", allowed: Counter[str] = NOTHING) -> list[str]:
        """Return what there is more of than before and allowed: `threads: 1 cutheal-stall-canary`."""
        return [
            f"{kind}: {more} {name}"
            for kind in KINDS
            for name, more in sorted(self.more(kind, before, allowed).items())
        ]

    def more(self, kind: str, before: "Census", allowed: Counter[str]) -> Counter[str]:
        """Return how many of a kind there are more than before and allowed, by name."""
        return self.names[kind] - before.names[kind] - allowed


def take_census(folder: Path, strangers: Collection[int] = ()) -> Census:
    """Count what this process and those below it have now.

    Args:
        folder: where temporary folders are made.
        strangers: pids of processes below this one that do not count.

    """
    us = psutil.Process()
    below = [child for child in us.children(recursive=True) if child.pid not in strangers]
    return Census(
        names={
            "processes": Counter(_name(child) for child in below),
            "threads": _threads(us.pid),
            "descriptors": Counter(descriptors().values()),
            "listening ports": Counter(_listening([us.pid, *(child.pid for child in below)])),
            "temp folders": Counter(
                _without_numbers(p.relative_to(folder)) for p in folder.rglob("*") if p.is_dir()
            ),
        },
        memory_bytes=us.memory_info().rss,
    )


def descriptors() -> dict[int, str]:
    """Return what each descriptor of this process leads to; of sockets what kind of socket it is."""
    found = {}
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the one that this very look had opened is closed by now
            number = int(entry.name)
            target = str(entry.readlink()).partition(":[")[0]
            found[number] = _kind_of_socket(number) if target == "socket" else target
    return found


def _kind_of_socket(descriptor: int) -> str:
    """Return what a socket is for, as far as its addresses tell; ports are drawn, and not named."""
    with socket.socket(fileno=os.dup(descriptor)) as second_handle:
        if second_handle.family == socket.AF_UNIX:
            return "unix socket"
        kind = "tcp" if second_handle.type == socket.SOCK_STREAM else "udp"
        if second_handle.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return f"{kind} socket that listens"
        try:
            second_handle.getpeername()
        except OSError:
            return f"{kind} socket that leads nowhere"
        return f"{kind} socket that is connected"


def _threads(pid: int) -> Counter[str]:
    """Return the threads that Python knows by their names, and how many it does not know."""
    named = Counter(thread.name for thread in threading.enumerate())
    others = len(list(Path(f"/proc/{pid}/task").iterdir())) - named.total()
    return named + Counter({"unknown to Python": others})


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return "ended meanwhile"


def _without_numbers(path: Path) -> str:
    """Return a path without what is drawn or counted up in it."""
    return re.sub(r"(?<=cutheal-)[0-9a-f]+|[0-9]+", "*", str(path))


def _listening(pids: Collection[int]) -> list[str]:
    """Return for each listening socket of these processes the process that has it."""
    found = []
    for pid in pids:
        try:
            process = psutil.Process(pid)
            connections = process.net_connections("tcp")
        except psutil.NoSuchProcess:
            continue
        found += [process.name() for one in connections if one.status == psutil.CONN_LISTEN]
    return found
