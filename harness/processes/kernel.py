"""What only Linux offers, asked in one place: death with the parent, pidfd, names, process states.

Invariant: every function here does its work on Linux or says that it could not; nothing else in the harness
asks which system it runs on.
"""

import ctypes
import os
import signal
import sys
import threading
from pathlib import Path

LINUX = sys.platform == "linux"

_LIBC = ctypes.CDLL(None, use_errno=True)

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_NAME_BYTES_MAX = 15


def arm_parent_death(signal_number: int = signal.SIGKILL) -> bool:
    """Have the kernel send this process a signal when its parent dies; return False where it cannot.

    The plugin calls this in an xdist worker, which would outlive a killed controller by seconds (measured.md,
    "Processes"). A parent that died just before counts too. The bond is to the parent's *thread* that
    started this process.
    """
    if not LINUX:
        return False
    parent = os.getppid()
    _prctl(_PR_SET_PDEATHSIG, signal_number)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal_number)
    return True


def become_subreaper() -> None:
    """Inherit orphaned grandchildren, so that what a node leaves behind can be ended too."""
    if LINUX:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def set_process_name(name: str) -> None:
    """Set the name that `ps` and `top` show, cut to the kernel's 15 bytes."""
    if LINUX:
        _prctl(_PR_SET_NAME, name.encode()[:_NAME_BYTES_MAX])


def watch_process(pid: int) -> int | None:
    """Return a descriptor that becomes readable when `pid` ends, or None where there is no pidfd."""
    if not LINUX:
        return None
    return os.pidfd_open(pid)


def thread_count() -> int:
    """Return how many threads this process has: on Linux by the kernel's own count."""
    return len(list(Path("/proc/self/task").iterdir())) if LINUX else threading.active_count()


def is_stopped(pid: int) -> bool:
    """Whether every thread of `pid` is stopped (state T), not only the first. False when it is gone."""
    return bool(states := thread_states(pid)) and set(states) <= {"T", "t"}


def is_running(pid: int) -> bool:
    """Whether `pid` exists and is no zombie: orphaned zombies wait for PID 1 and are as good as gone."""
    return any(state not in "ZX" for state in thread_states(pid))


def thread_states(pid: int) -> tuple[str, ...]:
    """Return the kernel's state letter of each thread of `pid`; empty when it is gone."""
    if not LINUX:
        return _state_by_psutil(pid)
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return ()
    return tuple(state for thread in threads if (state := _thread_state(thread)))


def started_ticks(pid: int) -> int | None:
    """Return when `pid` was started, in clock ticks since the boot; None when it is gone. Linux only."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(stat.rpartition(")")[2].split()[19])


def pid_world() -> str:
    """Name the world in which a pid means what it means here: this boot, this pid namespace. Linux only."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"


def children() -> tuple[int, ...]:
    """Return the pids of this process's children, adopted orphans included; empty where it cannot tell."""
    listing = Path(f"/proc/self/task/{os.getpid()}/children")
    try:
        return tuple(int(pid) for pid in listing.read_text().split())
    except FileNotFoundError:
        return ()


def _thread_state(thread: Path) -> str | None:
    try:
        stat = (thread / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return stat.rpartition(")")[2].split()[0]


def _state_by_psutil(pid: int) -> tuple[str, ...]:
    import psutil  # noqa: PLC0415 - 39 ms that Linux need not pay in every launcher

    letters = {psutil.STATUS_STOPPED: "T", psutil.STATUS_ZOMBIE: "Z", psutil.STATUS_DEAD: "X"}
    try:
        return (letters.get(psutil.Process(pid).status(), "S"),)
    except psutil.NoSuchProcess:
        return ()


def _prctl(option: int, argument: int | bytes) -> None:
    if _LIBC.prctl(option, argument, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"prctl({option}): {os.strerror(code)}")
