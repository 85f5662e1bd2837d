"""Which workers of a run are there to take a part in loads, and when the last of them may go.

Files in the run's folder, one for each worker. Invariant: nobody stays for ever: a worker without tests left
stays only while another one lives that has some, and the run is not over.
"""

from collections.abc import Collection
from pathlib import Path

from harness.load.folder import LOADS
from harness.processes import run_folders
from harness.processes.kernel import is_running
from harness.waiting import wait_for

STAY_REAL_S = 24 * 3600.0
"""A run that lasts longer goes on without those that stayed."""

_LOOK_REAL_S = 0.02
_PRESENT, _IDLE, _OVER = ".present", ".idle", "over"


class Attendance:
    """The list of workers, as one of them sees it and stands on it.

    Args:
        run_folder: shared by all workers of the run; made where no launcher has made it yet.
        worker: name of this one.
        pid: its process.
        owner_pid: the process that removes the run's folder at the end.

    """

    def __init__(self, run_folder: Path, worker: str, *, pid: int, owner_pid: int) -> None:
        self._folder = run_folder / LOADS / "workers"
        self._worker = worker
        is_new = not run_folder.exists()
        self._folder.mkdir(parents=True, exist_ok=True)
        if is_new:
            run_folder.chmod(0o700)
            run_folders.claim(run_folder, owner_pid)
        self._note(_PRESENT, str(pid))

    def others(self) -> Collection[str]:
        """Return the names of the other workers that live."""
        present = {path.stem: path for path in self._folder.glob(f"*{_PRESENT}")}
        return {name for name, path in present.items() if name != self._worker and _lives(path)}

    def stay(self) -> None:
        """Return when no other worker that lives has tests left, or the run is over."""
        self._note(_IDLE, "")
        wait_for("the other workers' tests", self._may_go, bool, STAY_REAL_S, _LOOK_REAL_S)

    def _may_go(self) -> bool:
        if not self._folder.exists() or is_over(self._folder.parent.parent):
            return True
        return all((self._folder / f"{name}{_IDLE}").exists() for name in self.others())

    def _note(self, what: str, content: str) -> None:
        draft = self._folder / f"{self._worker}{what}.draft"  # which no pattern for names matches
        draft.write_text(content, encoding="utf-8")
        draft.replace(self._folder / f"{self._worker}{what}")


def declare_over(run_folder: Path) -> None:
    """Let everybody go: the run ends, with tests left or without."""
    if (run_folder / LOADS).is_dir():
        (run_folder / LOADS / _OVER).touch()


def is_over(run_folder: Path) -> bool:
    """Tell whether the run has ended."""
    return (run_folder / LOADS / _OVER).exists()


def _lives(path: Path) -> bool:
    try:
        return is_running(int(path.read_text(encoding="utf-8")))
    except FileNotFoundError:  # the folder goes: the run is over
        return False
