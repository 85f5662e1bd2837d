"""The first steps of a process after the launcher has forked it, up to its own code.

Invariant: before anything else the child is bound to its launcher's life; then it holds nothing of the
launcher but its memory: no descriptor, no signal handler, no buffered output. It never returns.
"""

import faulthandler
import importlib
import io
import os
import random
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from harness.processes import kernel
from harness.processes.protocol import Launch, Start
from harness.processes.stacks import dump_stacks_on

NUMBER_BYTES = 8
"""How a child's number is written to the pipe that tells of its arming."""

_EXEC_FAILED = 127
"""What a shell answers for a command that cannot be run."""


def become(
    launch: Launch, start: Start, *, launcher_pid: int, armed_fd: int, number: int, log_fd: int
) -> NoReturn:
    """Turn this fresh fork into the process that `launch` describes.

    Writes `number` to `armed_fd` when all that is done, and only its own code is left to run: who stops it
    from then on does not stop something that still holds its launcher's end of the channel.
    """
    status = 1
    try:
        _bind_to_launcher(launcher_pid, start)
        _restore_signals()
        _redirect(log_fd)
        _close_inherited(keep_fd=armed_fd)
        os.environ.update(launch.env)
        if launch.cwd is not None:
            os.chdir(launch.cwd)
        kernel.set_process_name(launch.name)
        os.write(armed_fd, number.to_bytes(NUMBER_BYTES, "big"))
        os.close(armed_fd)
        status = _run(launch, start)
    except BaseException:  # noqa: BLE001 - whatever it was: the log shows it, and the child must end here
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def run_entry(name: str, entry: str, argv: Sequence[str]) -> int:
    """Call "module:function" with `list(argv)` as a program of its own; return its exit status."""
    faulthandler.enable()
    dump_stacks_on(signal.SIGUSR1)
    sys.argv = [name, *argv]
    module, _, function = entry.partition(":")
    if not function:
        raise ValueError(f"entry {entry!r} of {name} is not of the form module:function")
    try:
        return _status(getattr(importlib.import_module(module), function)(list(argv)))
    except SystemExit as stop:
        return _status(stop.code)


def main(argv: Sequence[str]) -> int:
    """Where there is no safe fork: `python -m harness.processes.child NAME MODULE:FUNCTION [ARGUMENT...]`."""
    return run_entry(argv[0], argv[1], argv[2:])


def _bind_to_launcher(launcher_pid: int, start: Start) -> None:
    if start.portable:
        return
    kernel.arm_parent_death(signal.SIGKILL)
    if os.getppid() != launcher_pid:
        os._exit(1)


def _restore_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _redirect(log_fd: int) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(log_fd, 1)
    os.dup2(log_fd, 2)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")


def _close_inherited(keep_fd: int) -> None:
    for entry in list(Path("/dev/fd").iterdir()):
        if int(entry.name) > 2 and int(entry.name) != keep_fd:
            _close(int(entry.name))


def _close(descriptor: int) -> None:
    try:
        os.close(descriptor)
    except OSError:
        return  # the listing's own descriptor, closed with the listing


def _run(launch: Launch, start: Start) -> int:
    if launch.entry is None:
        _exec(launch.argv)
    if start.portable:
        os.environ["PYTHONPATH"] = os.pathsep.join(start.sys_path)
        _exec((sys.executable, "-P", "-m", __name__, launch.name, launch.entry, *launch.argv))
    random.seed()
    return run_entry(launch.name, launch.entry, launch.argv)


def _exec(argv: tuple[str, ...]) -> NoReturn:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        print(f"cannot execute {argv[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201 - into its log
        sys.stderr.flush()
        os._exit(_EXEC_FAILED)


def _status(code: object) -> int:
    """Read a return value or SystemExit code as the interpreter does."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)  # noqa: T201 - what sys.exit("message") means
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
