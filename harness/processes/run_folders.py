"""Folders of runs, and whose they are: the next run removes those that the dead have left.

A launcher removes the folder of a run that was killed. Who kills it in the same instant leaves the folder,
for then nobody is left to act but the kernel. So the launcher writes down whose the folder is. Invariant:
only a folder whose owner is known to be dead is removed: its pid is gone, or was dealt again (then the start
time differs), and it was started in this very pid namespace since this very boot. What a container leaves in
a shared /tmp, what was kept for the user, and what names nobody, stays.
"""

import os
import shutil
from enum import StrEnum
from pathlib import Path

from harness.processes import kernel

OWNER_FILE = "owner"
PATTERN = "cutheal-*"


class Owner(StrEnum):
    """What is known of the process whose folder it is."""

    ALIVE = "alive"
    DEAD = "dead"
    UNKNOWN = "unknown"


def claim(folder: Path, pid: int) -> None:
    """Write down that a folder, made if need be, belongs to this process; not where there is no /proc."""
    folder.mkdir(parents=True, exist_ok=True)
    if kernel.LINUX:
        (folder / OWNER_FILE).write_text(f"{pid} {kernel.started_ticks(pid)} {kernel.pid_world()}")


def keep(folder: Path) -> None:
    """Make it nobody's, so that it stays until its user removes it."""
    (folder / OWNER_FILE).unlink(missing_ok=True)


def owner_of(folder: Path) -> Owner:
    """Tell whether the owner of a folder lives."""
    try:
        pid, started_ticks, world = (folder / OWNER_FILE).read_text().split()
    except (OSError, ValueError):  # none, half written, or somebody else's
        return Owner.UNKNOWN
    if not kernel.LINUX or world != kernel.pid_world():
        return Owner.UNKNOWN
    lives = str(kernel.started_ticks(int(pid))) == started_ticks and kernel.is_running(int(pid))
    return Owner.ALIVE if lives else Owner.DEAD


def run_folders(parent: Path) -> list[Path]:
    """Return this user's folders of runs in a folder for temporary files."""
    return sorted(path for path in parent.glob(PATTERN) if _is_ours(path))


def sweep(parent: Path) -> list[Path]:
    """Remove the folders of dead owners, as far as it goes; return what was removed."""
    dead = [folder for folder in run_folders(parent) if owner_of(folder) is Owner.DEAD]
    for folder in dead:
        shutil.rmtree(folder, ignore_errors=True)
    return [folder for folder in dead if not folder.exists()]


def _is_ours(path: Path) -> bool:
    try:
        return path.lstat().st_uid == os.getuid() and path.is_dir() and not path.is_symlink()
    except FileNotFoundError:
        return False
