"""The launcher: `python -m harness.processes.launcher CHANNEL_FD PARENT_PID`, started by the pytest process.

It imports what nodes need once and forks each of them, in milliseconds. Invariants: it has one thread, so
forking is safe; it owns every process of its pytest worker; when that worker is gone without having said
Close, it kills and reaps them all and removes the worker's folder.
"""

import faulthandler
import gc
import importlib
import os
import select
import shutil
import signal
import sys
import threading
from collections.abc import Sequence
from typing import assert_never

from harness.processes import kernel, run_folders
from harness.processes.family import Family
from harness.processes.protocol import (
    LAUNCHER_LOG,
    Answer,
    Close,
    Closed,
    Decoder,
    Died,
    Launch,
    Ready,
    Refused,
    Request,
    Signal,
    Signalled,
    Spawn,
    Spawned,
    Start,
    encode,
)
from harness.waiting import WaitTimeout, wait_for

END_WITHIN_REAL_S = 3.0
OWNER_DIES_REAL_S = 0.2
_CHUNK_BYTES = 64 * 1024


class _ParentGone(Exception):
    """The pytest process ended without having said Close."""


def main(argv: Sequence[str]) -> int:
    """Serve one pytest process until it says Close or dies."""
    channel = _Channel(int(argv[0]))
    try:
        parent_fd = _watch_parent(int(argv[1]))
        start = channel.receive_start()
    except _ParentGone:
        return 1
    _enter(start)
    why = _preload(start.preload)
    if why:
        channel.send(Refused(number=start.number, why=why))
        return 1
    _serve(channel, start, None if start.portable else parent_fd)
    return 0


def _serve(channel: "_Channel", start: Start, parent_fd: int | None) -> None:
    """Serve; then end everything, and remove the folder when the parent did not say Close."""
    family = Family(start)
    is_abandoned = False
    try:
        _Server(channel, family, parent_fd).serve(start.number)
    except (_ParentGone, BrokenPipeError, ConnectionResetError):
        is_abandoned = True
    finally:
        family.end(END_WITHIN_REAL_S)
    if is_abandoned:
        _remove_folders(start)


def _remove_folders(start: Start) -> None:
    """Remove what the dead cannot. Errors are ignored: nobody is left to be told."""
    shutil.rmtree(start.folder, ignore_errors=True)
    if start.shared is not None and _dies(start.shared.owner_pid):
        shutil.rmtree(start.shared.path, ignore_errors=True)


def _dies(pid: int) -> bool:
    """Whether it is gone, or goes within moments: workers die of their controller's death, not after it."""
    try:
        wait_for(
            f"the end of {pid}", lambda: kernel.is_running(pid), lambda runs: not runs, OWNER_DIES_REAL_S
        )
    except WaitTimeout:
        return False
    return True


class _Channel:
    """The socketpair to the pytest process. A plain descriptor: no object closes it behind a child's back."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self.descriptor = descriptor
        self._decoder = Decoder()

    def receive(self) -> list[Request]:
        """Return the requests that have come in. Raises _ParentGone at the end of file."""
        received = os.read(self.descriptor, _CHUNK_BYTES)
        if not received:
            raise _ParentGone
        return list(self._decoder.feed(received))  # type: ignore[arg-type]

    def receive_start(self) -> Start:
        """Return the first message. Raises _ParentGone."""
        while not (messages := self.receive()):
            pass
        (start,) = messages
        if not isinstance(start, Start):
            raise TypeError(f"expected Start, got {start}")
        return start

    def send(self, answer: Answer) -> None:
        frame = encode(answer)
        while frame:
            frame = frame[os.write(self.descriptor, frame) :]


class _Server:
    """Answers requests and tells of deaths, one event at a time."""

    def __init__(self, channel: _Channel, family: Family, parent_fd: int | None) -> None:
        self._channel = channel
        self._family = family
        self._children_fd = _wake_on_child()
        self._parent_fd = parent_fd
        self._unanswered: dict[int, int] = {}
        self._closed = False

    def serve(self, start_number: int) -> None:
        """Say Ready and serve until Close. Raises _ParentGone, BrokenPipeError, ConnectionResetError."""
        poll = select.poll()
        for descriptor in (self._channel.descriptor, self._family.armed_fd, self._children_fd):
            poll.register(descriptor, select.POLLIN)
        if self._parent_fd is not None:
            poll.register(self._parent_fd, select.POLLIN)
        self._channel.send(Ready(number=start_number))
        while not self._closed:
            for descriptor, _ in poll.poll():
                self._handle(descriptor)

    def _handle(self, descriptor: int) -> None:
        if descriptor == self._parent_fd:
            raise _ParentGone
        if descriptor == self._family.armed_fd:
            self._tell_armed()
        elif descriptor == self._children_fd:
            os.read(self._children_fd, _CHUNK_BYTES)
            self._tell_deaths()
        else:
            for request in self._channel.receive():
                self._answer(request)

    def _answer(self, request: Request) -> None:
        match request:
            case Spawn(number=number, launch=launch):
                self._spawn(number, launch)
            case Signal(number=number, process=process, signal=signal_number):
                delivered = self._family.signal(process, signal_number)
                self._channel.send(Signalled(number=number, delivered=delivered))
            case Close(number=number):
                survivors = self._family.end(END_WITHIN_REAL_S)
                self._channel.send(Closed(number=number, survivors=survivors))
                self._closed = True
            case Start():
                raise ValueError("a second Start")
            case _:
                assert_never(request)

    def _spawn(self, number: int, launch: Launch) -> None:
        why = _preload([module for module in launch.preload if module not in sys.modules])
        if why:
            self._channel.send(Refused(number=number, why=f"cannot start {launch.name}: {why}"))
            return
        try:
            self._unanswered[number] = self._family.spawn(number, launch)
        except OSError as error:
            self._channel.send(Refused(number=number, why=f"cannot start {launch.name}: {error}"))

    def _tell_armed(self) -> None:
        for number in self._family.armed():
            self._tell_spawned(number)

    def _tell_deaths(self) -> None:
        for number, how in self._family.reap():
            self._tell_spawned(number)
            self._channel.send(Died(number=number, exit=how))

    def _tell_spawned(self, number: int) -> None:
        """Answer once, when the child is armed, or dead before it was."""
        if (pid := self._unanswered.pop(number, None)) is not None:
            self._channel.send(Spawned(number=number, pid=pid))


def _watch_parent(parent_pid: int) -> int | None:
    """Return a descriptor that tells of the parent's death, where there is such a thing."""
    # SIGCONT, not SIGKILL: a stopped launcher must wake up to remove the folder after its parent's death.
    kernel.arm_parent_death(signal.SIGCONT)
    try:
        parent_fd = kernel.watch_process(parent_pid)
    except ProcessLookupError:
        raise _ParentGone from None
    if os.getppid() != parent_pid:
        raise _ParentGone
    return parent_fd


def _enter(start: Start) -> None:
    """Take on the folder, the log, and the module path of the pytest process."""
    start.folder.mkdir(parents=True, exist_ok=True)
    log_fd = os.open(start.folder / LAUNCHER_LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log_fd, 1)
    os.dup2(log_fd, 2)
    os.close(log_fd)
    faulthandler.register(signal.SIGUSR1)
    sys.path.extend(entry for entry in start.sys_path if entry not in sys.path)
    kernel.set_process_name("cutheal")
    if start.shared is not None:
        run_folders.claim(start.shared.path, start.shared.owner_pid)
    if not start.portable:
        kernel.become_subreaper()


def _preload(modules: Sequence[str]) -> str | None:
    """Import the modules, once and for all; return what is wrong with them, if anything is."""
    if not modules:
        return None
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError as error:
            return f"cannot preload {module}: {error}"
    if kernel.thread_count() != 1:
        names = ", ".join(thread.name for thread in threading.enumerate()[1:]) or "unknown to Python"
        return f"a module of {', '.join(modules)} started threads ({names}): forking would not be safe"
    gc.collect()
    gc.freeze()
    return None


def _wake_on_child() -> int:
    """Return a descriptor that becomes readable when a child ends."""
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    return readable


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
