"""What the pytest process and its launcher say to each other over their socketpair.

Invariant: every request carries a number, and one answer with the same number comes back; `Died` comes
unasked. A process is known by the number of the request that spawned it, for names and pids come again.
Frames are a length and a pickle: both ends are this package in the same interpreter.
"""

import pickle
import signal as signals
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LAUNCHER_LOG = "launcher.log"
"""Where the launcher itself writes, in its folder."""

_LENGTH = struct.Struct("!I")


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """A process to start. Its stdout and stderr are appended to `log_path`.

    With `entry` ("module:function") it is forked from the launcher and runs `function(list(argv))`; without,
    `argv[0]` is looked up on PATH and exec'ed. `env` is laid over the environment of the pytest process;
    `cwd` is where it starts, the launcher's own without one. `preload` are modules that the launcher imports,
    once, before it forks: what few processes need and is dear to import in each of them.
    """

    name: str
    log_path: Path
    argv: tuple[str, ...]
    entry: str | None = None
    env: tuple[tuple[str, str], ...] = ()
    cwd: str | None = None
    preload: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How a process ended: `status` when it exited, `signal` when a signal killed it."""

    name: str
    pid: int
    status: int | None
    signal: int | None
    last_lines: tuple[str, ...]

    def __str__(self) -> str:
        if self.signal is not None:
            return f"{self.name} (pid {self.pid}) was killed by {signal_name(self.signal)}"
        return f"{self.name} (pid {self.pid}) exited with status {self.status}"


class ProcessDied(Exception):
    """A process ended where it was needed alive; `exit` says how, the message quotes its last lines."""

    def __init__(self, exit: Exit) -> None:  # noqa: A002 - the word of the public API
        super().__init__("\n    ".join([f"{exit}; its log ends with:", *exit.last_lines]))
        self.exit = exit


class LauncherDied(Exception):
    """The launcher is gone, and with it every process it owned; `lost` names them."""

    def __init__(self, how: str, lost: tuple[str, ...]) -> None:
        super().__init__(f"{how}; lost with it: {', '.join(lost) or 'nothing'}")
        self.how = how
        self.lost = lost


class ProcessesSurvived(Exception):
    """SIGKILL did not end these processes in time; `names` are "name (pid N)"."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(f"SIGKILL did not end {', '.join(names)}")
        self.names = names


class LaunchRefused(Exception):
    """The launcher could not start a process at all: no log file, no memory, no process slot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedFolder:
    """The folder of a whole run, shared by its workers, and the process that made it and will remove it."""

    path: Path
    owner_pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """First message: what the launcher needs to know. `portable` forgoes all that only Linux has.

    Answered by Ready or Refused.
    """

    number: int
    folder: Path
    spawned_path: Path
    preload: tuple[str, ...]
    sys_path: tuple[str, ...]
    portable: bool
    shared: SharedFolder | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The launcher has imported everything and takes requests."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spawn:
    """Start a process; answered by Spawned or Refused."""

    number: int
    launch: Launch


@dataclass(frozen=True, slots=True, kw_only=True)
class Spawned:
    """The process runs, and from now on dies with its launcher."""

    number: int
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The process could not be started, or the launcher itself."""

    number: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Died:
    """Unasked: the process spawned by request `number` has ended and is reaped."""

    number: int
    exit: Exit


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Send `signal` to the process spawned by request `process`; answered by Signalled."""

    number: int
    process: int
    signal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Signalled:
    """Whether the process was there to receive it."""

    number: int
    delivered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """Kill and reap everything, then end; answered by Closed."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """All is over; `survivors` are processes that SIGKILL did not end in time, as "name (pid N)"."""

    number: int
    survivors: tuple[str, ...]


Request = Start | Spawn | Signal | Close
Answer = Ready | Spawned | Refused | Signalled | Closed | Died


def encode(message: Request | Answer) -> bytes:
    """Return one frame."""
    body = pickle.dumps(message)
    return _LENGTH.pack(len(body)) + body


class Decoder:
    """Turns received bytes back into messages, however they were cut up."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, received: bytes) -> Iterator[Request | Answer]:
        """Take bytes; yield the messages they complete."""
        self._buffer += received
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_LENGTH.size : end])
            del self._buffer[:end]
            yield pickle.loads(body)


def signal_name(number: int) -> str:
    """Return "SIGKILL" for 9; a number Python has no name for (real-time signals) stays a number."""
    try:
        return signals.Signals(number).name
    except ValueError:
        return f"signal {number}"
