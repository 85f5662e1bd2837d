"""Who belongs to a run that is struck, and what is left of it: by /proc and by the lists of its launchers.

A process belongs to the run when its environment has the run's mark, when its command line names the run's
folder, or when it works there; everything that the run starts inherits the first. Zombies do not count:
orphaned ones wait for PID 1 (measured.md).
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
LISTENING = "0A"
"""The state of a listening socket in /proc/net/tcp."""


@dataclass(frozen=True, slots=True)
class Being:
    """One process: its pid may come again, its pid with its start time (clock ticks since boot) does not."""

    pid: int
    started_ticks: int

    def __str__(self) -> str:
        return f"{_text(self.pid, 'comm').strip() or 'process'} (pid {self.pid})"

    @property
    def is_living(self) -> bool:
        """Whether it is there and no zombie."""
        fields = _stat(self.pid)
        return bool(fields) and fields[0] not in "ZX" and int(fields[19]) == self.started_ticks

    @property
    def parent_pid(self) -> int:
        """Its parent's pid; 0 when it is gone."""
        fields = _stat(self.pid)
        return int(fields[1]) if fields else 0


def being(pid: int) -> Being | None:
    """Return the living process of that pid."""
    fields = _stat(pid)
    return Being(pid, int(fields[19])) if fields and fields[0] not in "ZX" else None


class Census:
    """Counts the members of one run.

    Args:
        mark: "NAME=VALUE", in the environment of the run.
        folder: where the run works.

    """

    def __init__(self, mark: str, folder: Path) -> None:
        self._mark = mark.encode()
        self._folder = folder

    def everybody(self) -> set[Being]:
        """Return all living processes of the run: a scan of /proc."""
        pids = [int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal()]
        return {found for pid in pids if self._belongs(pid) and (found := being(pid))}

    def below(self, pid: int) -> set[Being]:
        """Return the living descendants of a process."""
        children: dict[int, set[Being]] = {}
        for member in self.everybody():
            children.setdefault(member.parent_pid, set()).add(member)
        found: set[Being] = set()
        fresh = children.get(pid, set())
        while fresh := fresh - found:
            found |= fresh
            fresh = {child for parent in fresh for child in children.get(parent.pid, set())}
        return found

    def orphans(self, run_pid: int) -> set[Being]:
        """Return living processes of the run, other than its first, whose parent is none of the run."""
        everybody = self.everybody()
        pids = {member.pid for member in everybody}
        return {b for b in everybody if b.pid != run_pid and b.parent_pid not in pids}

    def listed(self, pattern: str) -> list[tuple[str, int]]:
        """Return (name, pid) of everything that launchers have written into the lists of that name."""
        lines = [line for path in sorted(self._folder.glob(pattern)) for line in _lines(path)]
        return [(name, int(pid)) for name, pid in (line.split() for line in lines)]

    def living_of(self, pids: Iterable[int]) -> set[Being]:
        """Return those that live and are of this run, not strangers who were dealt an old pid."""
        return {found for pid in pids if self._belongs(pid) and (found := being(pid))}

    def _belongs(self, pid: int) -> bool:
        if self._mark in _bytes(pid, "environ").split(b"\0"):
            return True
        if str(self._folder) in _text(pid, "cmdline"):
            return True
        try:
            return (PROC / str(pid) / "cwd").readlink().is_relative_to(self._folder)
        except OSError:
            return False


def listeners(processes: Iterable[Being]) -> set[str]:
    """Return the sockets, as inode numbers, on which these processes listen."""
    return _inodes(processes) & _listening().keys()


def still_listening(inodes: Iterable[str]) -> list[str]:
    """Return the addresses of those sockets that somebody listens on."""
    listening = _listening()
    return [listening[inode] for inode in inodes if inode in listening]


def shared_memory(processes: Iterable[Being]) -> set[Path]:
    """Return the POSIX shared memory and semaphores that these processes have mapped."""
    lines = [line for process in processes for line in _text(process.pid, "maps").splitlines()]
    return {Path(line[line.index("/dev/shm/") :]) for line in lines if "/dev/shm/" in line}


def _inodes(processes: Iterable[Being]) -> set[str]:
    return {
        target.removeprefix("socket:[").removesuffix("]")
        for process in processes
        for target in _descriptors(process.pid)
        if target.startswith("socket:[")
    }


def _descriptors(pid: int) -> Iterator[str]:
    with suppress(OSError):  # it has ended
        for entry in (PROC / str(pid) / "fd").iterdir():
            with suppress(OSError):  # closed meanwhile
                yield str(entry.readlink())


def _listening() -> dict[str, str]:
    """All listening TCP sockets of this machine: inode -> local address as the kernel writes it."""
    rows = [line.split() for name in ("tcp", "tcp6") for line in _lines(PROC / "net" / name)[1:]]
    return {row[9]: row[1] for row in rows if row[3] == LISTENING}


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third, the state, on; empty when it is gone."""
    return _text(pid, "stat").rpartition(")")[2].split()


def _text(pid: int, name: str) -> str:
    return os.fsdecode(_bytes(pid, name))


def _bytes(pid: int, name: str) -> bytes:
    try:
        return (PROC / str(pid) / name).read_bytes()
    except OSError:  # it has ended, or is not ours to look at
        return b""


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
