"""The launcher as the pytest process sees it.

Invariant: what the launcher tells unasked (deaths) is read at once by a thread of its own, so `exit` and
`is_alive` are never older than a message; once the launcher is lost, every use says so at once.
"""

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.processes import kernel
from harness.processes.logs import last_lines
from harness.processes.process import Process
from harness.processes.protocol import (
    LAUNCHER_LOG,
    Answer,
    Close,
    Closed,
    Decoder,
    Died,
    Launch,
    LauncherDied,
    LaunchRefused,
    ProcessesSurvived,
    Refused,
    Request,
    SharedFolder,
    Signal,
    Signalled,
    Spawn,
    Spawned,
    Start,
    encode,
    signal_name,
)

DEFAULT_PRELOAD = ("nodecore.__main__", "waitress", "werkzeug.routing")
"""What the built-in node and agent import: named, not imported, for the harness knows no node's inside."""

START_WITHIN_REAL_S = 60.0
ANSWER_WITHIN_REAL_S = 10.0
STOP_WITHIN_REAL_S = 5.0
SPAWNED_FILE = "spawned.txt"
_CHUNK_BYTES = 64 * 1024


class _Pending:
    """A request that waits for its answer."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.answer: Future[Answer | Process] = Future()


class Launcher:
    """The launcher of this pytest process; start it from the main thread, close it at the end."""

    def __init__(
        self, folder: Path, program: "subprocess.Popen[bytes]", channel: socket.socket, *, portable: bool
    ) -> None:
        """Use `Launcher.start`."""
        self.folder = folder
        self._portable = portable
        self.pid = program.pid
        self._program = program
        self._channel = channel
        self._numbers = itertools.count()
        self._sending = threading.Lock()
        self._pending: dict[int, _Pending] = {}
        self._processes: dict[int, Process] = {}
        self._gone: LauncherDied | None = None
        self._closing = False
        self._reader = threading.Thread(target=self._read, name="cutheal-launcher-reader", daemon=True)

    @classmethod
    def start(
        cls,
        folder: Path,
        preload: Sequence[str] = DEFAULT_PRELOAD,
        *,
        spawned_path: Path | None = None,
        shared: SharedFolder | None = None,
        portable: bool = False,
    ) -> Self:
        """Start a launcher and return when it has imported `preload` (module names).

        `folder` is made by the launcher when it is missing, and removed by it when this process dies without
        `close`; name one that does not exist yet, and no moment is left in which it could stay behind. One
        line "NAME PID" for each spawned process goes to `spawned_path` (folder/spawned.txt). When this
        process dies without `close` and the owner of the `shared` folder is dead too, that folder is removed
        as well: the controller of an xdist run cannot do so when it is killed. `portable` does without
        what only Linux has, as on any other system.

        Raises LauncherDied with the reason; RuntimeError outside the main thread, for the kernel ties the
        launcher's life to the thread that started it.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError(
                "start the launcher from the main thread: it dies with the thread that starts it"
            )
        portable = portable or not kernel.LINUX
        ours, theirs = socket.socketpair()
        with theirs:
            launcher = cls(folder, _execute(theirs.fileno()), ours, portable=portable)
        launcher._reader.start()
        launcher._introduce(
            Start(
                number=next(launcher._numbers),
                folder=folder,
                spawned_path=spawned_path or folder / SPAWNED_FILE,
                preload=tuple(preload),
                sys_path=tuple(sys.path),
                portable=portable,
                shared=shared,
            )
        )
        return launcher

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def processes(self) -> list[Process]:
        """Every process that is alive, in the order they were spawned."""
        return [process for _, process in sorted(self._processes.items()) if process.is_alive]

    @property
    def is_alive(self) -> bool:
        """Whether it still takes requests, as far as is known."""
        return self._gone is None and not self._closing

    def spawn(self, launch: Launch) -> Process:
        """Start one process. Raises LauncherDied, LaunchRefused."""
        return self.spawn_all([launch])[0]

    def spawn_all(self, launches: Sequence[Launch]) -> list[Process]:
        """Start several at once, in this order; return when each is bound to the launcher's life.

        Raises LauncherDied, LaunchRefused (those that could be started run on).
        """
        requests = [Spawn(number=next(self._numbers), launch=launch) for launch in launches]
        answers = self._ask(requests, ANSWER_WITHIN_REAL_S)
        refused = [answer.why for answer in answers if isinstance(answer, Refused)]
        if refused:
            raise LaunchRefused("; ".join(refused))
        return [answer for answer in answers if isinstance(answer, Process)]

    def deliver(self, process: int, signal_number: int) -> bool:
        """Send a signal to the process spawned by that request; return whether it was there."""
        request = Signal(number=next(self._numbers), process=process, signal=signal_number)
        (answer,) = self._ask([request], ANSWER_WITHIN_REAL_S)
        return isinstance(answer, Signalled) and answer.delivered

    def raise_if_lost(self) -> None:
        """Raise LauncherDied when the launcher is gone."""
        if self._gone is not None:
            raise LauncherDied(self._gone.how, self._gone.lost)

    def close(self) -> None:
        """End and reap every process and the launcher. A lost launcher is only tidied up.

        Raises ProcessesSurvived for those that SIGKILL did not end in time; the rest is ended all the same.
        """
        if self._closing:
            return
        self._closing = True
        survivors = self._ask_to_close()
        self._reader.join()
        self._channel.close()
        if survivors:
            raise ProcessesSurvived(survivors)

    def _introduce(self, start: Start) -> None:
        try:
            (answer,) = self._ask([start], START_WITHIN_REAL_S)
        except BaseException:
            self.close()
            raise
        if isinstance(answer, Refused):
            self.close()
            raise LauncherDied(f"launcher (pid {self.pid}) cannot start: {answer.why}", ())

    def _ask_to_close(self) -> tuple[str, ...]:
        self._program.send_signal(signal.SIGCONT)
        try:
            (answer,) = self._ask([Close(number=next(self._numbers))], STOP_WITHIN_REAL_S)
        except LauncherDied:
            self._program.kill()
            with contextlib.suppress(OSError):  # the reader may have found it closed already
                self._channel.shutdown(socket.SHUT_RDWR)
            return ()
        return answer.survivors if isinstance(answer, Closed) else ()

    def _ask(self, requests: Sequence[Request], within_real_s: float) -> list[Answer | Process]:
        """Send all, then collect all answers."""
        pending = [_Pending(request) for request in requests]
        with self._sending:
            self.raise_if_lost()
            self._pending.update((waiting.request.number, waiting) for waiting in pending)
            with contextlib.suppress(OSError):  # it is gone: the reader sees that too, and answers for it
                self._channel.sendall(b"".join(map(encode, requests)))
        try:
            return [waiting.answer.result(within_real_s) for waiting in pending]
        except TimeoutError:
            states = kernel.thread_states(self.pid)
            how = f"launcher (pid {self.pid}, state {states}) does not answer within {within_real_s} s"
            raise LauncherDied(how, self._names()) from None

    def _read(self) -> None:
        """Take in what the launcher says, until it is gone."""
        decoder = Decoder()
        while received := self._receive():
            for message in decoder.feed(received):
                self._take(message)  # type: ignore[arg-type]
        self._lose()

    def _receive(self) -> bytes:
        try:
            return self._channel.recv(_CHUNK_BYTES)
        except ConnectionResetError:
            return b""

    def _take(self, message: Answer) -> None:
        if isinstance(message, Died):
            self._processes.pop(message.number).exit = message.exit
            return
        pending = self._pending.pop(message.number)
        if isinstance(message, Spawned) and isinstance(pending.request, Spawn):
            process = Process(self, message.number, message.pid, pending.request.launch)
            self._processes[message.number] = process
            pending.answer.set_result(process)
        else:
            pending.answer.set_result(message)

    def _lose(self) -> None:
        """The launcher has ended, asked or not: answer for it from now on."""
        self._reap()
        with self._sending:
            self._gone = gone = LauncherDied(self._how_it_ended(), self._names())
            abandoned = list(self._pending.values())
            self._pending.clear()
        if self._portable:
            self._kill_orphans()
        for pending in abandoned:
            pending.answer.set_exception(LauncherDied(gone.how, gone.lost))

    def _reap(self) -> None:
        try:
            self._program.wait(STOP_WITHIN_REAL_S)
        except subprocess.TimeoutExpired:
            self._program.kill()
            self._program.wait()

    def _names(self) -> tuple[str, ...]:
        return tuple(f"{process.name} (pid {process.pid})" for process in list(self._processes.values()))

    def _how_it_ended(self) -> str:
        code = self._program.returncode
        if self._closing:
            return f"launcher (pid {self.pid}) is closed"
        if code < 0:
            return f"launcher (pid {self.pid}) was killed by {signal_name(-code)}"
        log = last_lines(self.folder / LAUNCHER_LOG, 20)
        return "\n    ".join(
            [f"launcher (pid {self.pid}) exited with status {code}; its log ends with:", *log]
        )

    def _kill_orphans(self) -> None:
        """Where no kernel ends children with their parent, end them by their known pids."""
        for process in list(self._processes.values()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)


def _execute(channel_fd: int) -> "subprocess.Popen[bytes]":
    """Exec the launcher in a session of its own, so that Ctrl-C reaches pytest alone."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "harness.processes.launcher", str(channel_fd), str(os.getpid())],
        pass_fds=[channel_fd],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
