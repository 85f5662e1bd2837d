"""The processes that a launcher owns: forked, signalled, reaped and ended.

Invariant: a pid is signalled only between its fork and its reaping, so no signal ever hits a stranger.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.processes import kernel
from harness.processes.child import NUMBER_BYTES, become
from harness.processes.logs import last_lines
from harness.processes.protocol import Exit, Launch, Start
from harness.waiting import WaitTimeout, wait_for

LAST_LINES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    """A living child: which request asked for it, and where in its log its own part begins."""

    number: int
    launch: Launch
    log_begin: int


class Family:
    """All children of this launcher, by pid."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._members: dict[int, _Member] = {}
        self._armed_read, self._armed_write = os.pipe()
        self._spawned = os.open(start.spawned_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._record("launcher", os.getpid())

    @property
    def armed_fd(self) -> int:
        """Becomes readable when a child has bound its life to this process."""
        return self._armed_read

    def spawn(self, number: int, launch: Launch) -> int:
        """Fork a child and return its pid; its number comes out of `armed` soon.

        Raises OSError: no log file, no memory, no process slot.
        """
        log_fd = os.open(launch.log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            begin = os.fstat(log_fd).st_size
            launcher_pid = os.getpid()
            pid = os.fork()
            if pid == 0:
                become(
                    launch,
                    self._start,
                    launcher_pid=launcher_pid,
                    armed_fd=self._armed_write,
                    number=number,
                    log_fd=log_fd,
                )
        finally:
            os.close(log_fd)
        self._members[pid] = _Member(number=number, launch=launch, log_begin=begin)
        self._record(launch.name, pid)
        return pid

    def armed(self) -> Iterator[int]:
        """Yield the numbers of children that have bound themselves; call it when `armed_fd` is readable."""
        numbers = os.read(self._armed_read, NUMBER_BYTES * 512)
        for at in range(0, len(numbers), NUMBER_BYTES):
            yield int.from_bytes(numbers[at : at + NUMBER_BYTES], "big")

    def signal(self, number: int, signal_number: int) -> bool:
        """Send a signal to the child of that request; return whether it was there."""
        for pid, member in self._members.items():
            if member.number == number:
                os.kill(pid, signal_number)
                return True
        return False

    def reap(self) -> Iterator[tuple[int, Exit]]:
        """Yield (number, exit) of children that have ended; adopted orphans are reaped in silence."""
        while True:
            try:
                pid, wait_status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if (member := self._members.pop(pid, None)) is not None:
                yield member.number, _exit_of(member, pid, wait_status)

    def end(self, within_real_s: float) -> tuple[str, ...]:
        """Kill and reap every child and what it left behind; return who would not die, "name (pid N)"."""
        try:
            wait_for("all children to be reaped", self._kill_and_reap, lambda left: not left, within_real_s)
        except WaitTimeout:
            names = {pid: member.launch.name for pid, member in self._members.items()}
            return tuple(f"{names.get(pid, 'an orphan')} (pid {pid})" for pid in self._living())
        return ()

    def _kill_and_reap(self) -> set[int]:
        for pid in self._living():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for _ in self.reap():
            pass
        return self._living()

    def _living(self) -> set[int]:
        return {*self._members, *kernel.children()}

    def _record(self, name: str, pid: int) -> None:
        os.write(self._spawned, f"{name} {pid}\n".encode())


def _exit_of(member: _Member, pid: int, wait_status: int) -> Exit:
    code = os.waitstatus_to_exitcode(wait_status)
    return Exit(
        name=member.launch.name,
        pid=pid,
        status=code if code >= 0 else None,
        signal=-code if code < 0 else None,
        last_lines=last_lines(Path(member.launch.log_path), LAST_LINES, member.log_begin),
    )
