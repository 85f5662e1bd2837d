"""What a run leaves when it and its launcher are killed in the same instant: the next run removes it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.processes import kernel, run_folders
from harness.processes.run_folders import Owner
from harness.session import Session, SessionOptions

IDLE = [sys.executable, "-c", "import signal; signal.pause()"]


@pytest.fixture
def dead_pid() -> int:
    """Of a process that was there and is gone."""
    with subprocess.Popen(IDLE) as process:
        process.kill()
    return process.pid


def folder_of(parent: Path, name: str, pid: int) -> Path:
    """A run's folder with something in it."""
    folder = parent / f"cutheal-{name}"
    (folder / "gw0").mkdir(parents=True)
    run_folders.claim(folder, pid)
    return folder


def test_only_the_folders_of_the_dead_are_swept(tmp_path: Path, dead_pid: int) -> None:
    """Those of a living owner, of none, of another boot or container, and kept ones stay."""
    dead = folder_of(tmp_path, "dead", dead_pid)
    living = folder_of(tmp_path, "living", os.getpid())
    kept = folder_of(tmp_path, "kept", dead_pid)
    run_folders.keep(kept)
    foreign = folder_of(tmp_path, "foreign", dead_pid)
    (foreign / run_folders.OWNER_FILE).write_text(f"{dead_pid} 1 another-boot/4026531836")
    assert [run_folders.owner_of(folder) for folder in (dead, living, kept, foreign)] == [
        Owner.DEAD,
        Owner.ALIVE,
        Owner.UNKNOWN,
        Owner.UNKNOWN,
    ]
    assert run_folders.sweep(tmp_path) == [dead]
    assert run_folders.run_folders(tmp_path) == [foreign, kept, living]


def test_a_folder_of_a_run_that_is_not_there_is_made(tmp_path: Path) -> None:
    """A session may have its own folder elsewhere, so that nobody has made the run's."""
    folder = tmp_path / "runs" / "cutheal-mine"
    run_folders.claim(folder, os.getpid())
    assert run_folders.owner_of(folder) is Owner.ALIVE


def test_a_pid_that_was_dealt_again_is_not_the_owner(tmp_path: Path) -> None:
    """The start time tells the two apart."""
    folder = folder_of(tmp_path, "old", os.getpid())
    world = kernel.pid_world()
    (folder / run_folders.OWNER_FILE).write_text(f"{os.getpid()} 1 {world}")
    assert run_folders.owner_of(folder) is Owner.DEAD


def test_a_zombie_is_dead(tmp_path: Path) -> None:
    """Orphans wait for PID 1, sometimes for long."""
    process = subprocess.Popen(IDLE)
    folder = folder_of(tmp_path, "zombie", process.pid)
    assert run_folders.owner_of(folder) is Owner.ALIVE
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert run_folders.owner_of(folder) is Owner.DEAD
    process.wait()


def test_what_links_elsewhere_is_not_followed(tmp_path: Path, dead_pid: int) -> None:
    """A symbolic link of that name does not lead the sweeper out of the folder for temporary files."""
    elsewhere = folder_of(tmp_path / "elsewhere", "victim", dead_pid)
    (tmp_path / "cutheal-link").symlink_to(elsewhere)
    assert run_folders.sweep(tmp_path) == []
    assert (elsewhere / "gw0").exists()


def test_half_written_words_name_nobody(tmp_path: Path) -> None:
    """The owner file is read while another process writes it."""
    folder = folder_of(tmp_path, "half", os.getpid())
    for text in ("", "12", "many more words than three"):
        (folder / run_folders.OWNER_FILE).write_text(text)
        assert run_folders.owner_of(folder) is Owner.UNKNOWN


RUN_AND_DIE = """
import os, signal, sys
from pathlib import Path
from harness.session import Session, SessionOptions
run = Path(sys.argv[1]) / "cutheal-run"
session = Session(SessionOptions(folder=run / "main", run_folder=run))
launcher = int((run / "main" / "spawned.txt").read_text().split()[1])
os.kill(launcher, signal.SIGSTOP)
os.kill(launcher, signal.SIGKILL)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("keep", [False, True])
def test_the_next_session_sweeps_what_a_double_kill_left(keep: bool, tmp_path: Path) -> None:
    """Session and launcher killed together leave a folder; a session's own goes, or stays when kept."""
    killed = subprocess.run([sys.executable, "-c", RUN_AND_DIE, tmp_path], check=False)
    assert killed.returncode == -signal.SIGKILL
    left = tmp_path / "cutheal-run"
    assert run_folders.owner_of(left) is Owner.DEAD
    next_run = tmp_path / "cutheal-next"
    session = Session(SessionOptions(folder=next_run / "main", run_folder=next_run, keep=keep))
    try:
        assert not left.exists()
        assert run_folders.owner_of(next_run) is Owner.ALIVE
    finally:
        session.close()
    assert next_run.exists() == keep
    assert run_folders.owner_of(next_run) is Owner.UNKNOWN
