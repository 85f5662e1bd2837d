"""What earlier runs have left: folders whose owner is dead, processes whose parent is."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import psutil

from harness.doctor.finding import Finding, State
from harness.processes import run_folders
from harness.processes.run_folders import Owner

LAUNCHER = "harness.processes.launcher"


def look() -> list[Finding]:
    """Return all findings of this page."""
    return [folders(Path(tempfile.gettempdir())), processes(Path(tempfile.gettempdir()))]


def folders(parent: Path) -> Finding:
    """Folders of runs that nobody uses any more.

    Args:
        parent: the folder for temporary files.

    """
    found = run_folders.run_folders(parent)
    dead = [folder for folder in found if run_folders.owner_of(folder) is Owner.DEAD]
    unknown = [folder for folder in found if run_folders.owner_of(folder) is Owner.UNKNOWN]
    in_use = len(found) - len(dead) - len(unknown)
    seen = f"{in_use} in use, {len(dead)} left by killed runs, {len(unknown)} kept or nobody's"
    advice = []
    if dead:
        advice.append(f"the next run removes {_list(dead)}")
    if unknown:
        advice.append(f"if you do not need them, and no container does: rm -r {_list(unknown)}")
    return Finding(
        name="folders of runs",
        seen=seen,
        state=State.WARNING if advice else State.OK,
        advice="; ".join(advice),
    )


def processes(parent: Path) -> Finding:
    """Processes of runs that have ended: launchers without their parent, whatever works in a dead folder.

    Args:
        parent: the folder for temporary files.

    """
    dead = [f for f in run_folders.run_folders(parent) if run_folders.owner_of(f) is Owner.DEAD]
    left = [p for p in psutil.process_iter() if _is_left(p, dead)]
    if not left:
        return Finding(name="processes of runs", seen="none is left of an earlier run")
    named = ", ".join(f"{_name(process)} (pid {process.pid})" for process in left)
    return Finding(
        name="processes of runs",
        seen=f"left by earlier runs: {named}",
        state=State.PROBLEM,
        advice=f"kill -9 {' '.join(str(process.pid) for process in left)}, and report how they were left",
    )


def _is_left(process: psutil.Process, dead: Iterable[Path]) -> bool:
    try:
        if process.uids().real != os.getuid() or process.status() == psutil.STATUS_ZOMBIE:
            return False
        words = process.cmdline()
        if LAUNCHER in words:
            return words[-1] != str(process.ppid()) and not _is_forked(process)
        return any(str(folder) in word for folder in dead for word in words)
    except psutil.Error:  # it has just ended, or is hidden from us
        return False


def _is_forked(process: psutil.Process) -> bool:
    """Whether it is a launcher's child, which shows the command line of its launcher."""
    parent = process.parent()
    return parent is not None and LAUNCHER in parent.cmdline()


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return "process"


def _list(folders: Iterable[Path]) -> str:
    return " ".join(map(str, folders))
