"""Whatever dies, and however: nothing that it started stays, and no folder either.

"Gone" means not there or a zombie: orphaned zombies wait for PID 1 and are nobody's to reap.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.processes import kernel
from harness.stall import Canary
from harness.waiting import WaitTimeout, wait_for

GONE_WITHIN_REAL_S = 1.0
SOON_REAL_S = 30.0
OWNER_PID = os.getpid()
HERE = Path(__file__).parent


@pytest.fixture
def canary():
    with Canary() as canary:
        yield canary


class Worker:
    """A stand-in for a pytest worker, in a process of its own."""

    def __init__(self, tmp_path: Path, *options: str, owner_pid: int) -> None:
        self.folder = tmp_path / "run" / "worker"
        self.spawned_path = tmp_path / "spawned.txt"
        self.process = subprocess.Popen(
            [
                sys.executable,
                HERE / "worker_program.py",
                self.folder,
                self.spawned_path,
                str(owner_pid),
                *options,
            ],
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_until_up(self) -> int:
        """Return the launcher's pid."""
        up, launcher_pid = self.process.stdout.readline().split()
        assert up == "up"
        return int(launcher_pid)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def spawned(self) -> dict[int, str]:
        if not self.spawned_path.exists():
            return {}
        named = (line.split() for line in self.spawned_path.read_text().splitlines())
        return {int(pid): name for name, pid in named}

    def remains(self) -> list[str]:
        """Return what is left of everything it had started."""
        alive = [f"{name} {pid}" for pid, name in self.spawned().items() if kernel.is_running(pid)]
        try:
            files = [*map(str, self.folder.iterdir()), str(self.folder)]
        except FileNotFoundError:  # also while it is being removed under our eyes
            files = []
        return [*alive, *files]


@pytest.fixture
def start(tmp_path):
    """Start workers; whatever is left at the end of the test is killed."""
    workers = []

    def begin(*options, owner_pid=OWNER_PID):
        folder = tmp_path / str(len(workers))
        folder.mkdir()
        workers.append(Worker(folder, *options, owner_pid=owner_pid))
        return workers[-1]

    yield begin
    for worker in workers:
        worker.kill()
        worker.process.stdout.close()
        for pid in filter(kernel.is_running, worker.spawned()):
            os.kill(pid, signal.SIGKILL)


def _wait_until_nothing_remains(worker: Worker, canary: Canary) -> None:
    wait_for(
        "all that the worker had started to be gone",
        worker.remains,
        lambda left: not left,
        GONE_WITHIN_REAL_S,
        stretch=canary.stretch,
    )


@pytest.mark.parametrize("option", ["linux", "portable"])
def test_nothing_outlives_a_killed_worker(start, canary, option):
    """SIGKILL of the worker: the launcher, the paused node, the executed command and the folder go."""
    worker = start(option)
    worker.wait_until_up()
    assert len(worker.spawned()) == 5
    assert all(kernel.is_running(pid) for pid in worker.spawned())
    worker.kill()
    _wait_until_nothing_remains(worker, canary)


def test_nothing_outlives_a_killed_worker_whose_launcher_is_stopped(start, canary):
    """The kernel wakes a stopped launcher when its worker dies, and it cleans up all the same."""
    worker = start()
    launcher_pid = worker.wait_until_up()
    os.kill(launcher_pid, signal.SIGSTOP)
    wait_for("the launcher to stop", lambda: kernel.is_stopped(launcher_pid), bool, SOON_REAL_S)
    worker.kill()
    _wait_until_nothing_remains(worker, canary)


def test_no_process_outlives_worker_and_launcher_killed_together(start, canary):
    """Nobody is left to act but the kernel, and it is enough: only the folder stays."""
    worker = start()
    launcher_pid = worker.wait_until_up()
    os.kill(launcher_pid, signal.SIGSTOP)
    os.kill(launcher_pid, signal.SIGKILL)
    worker.kill()
    wait_for(
        "every process to be gone",
        lambda: [pid for pid in worker.spawned() if kernel.is_running(pid)],
        lambda left: not left,
        GONE_WITHIN_REAL_S,
        stretch=canary.stretch,
    )


def test_no_process_outlives_a_killed_launcher(start, canary):
    """The paused node too, while the worker lives on."""
    worker = start()
    launcher_pid = worker.wait_until_up()
    os.kill(launcher_pid, signal.SIGKILL)
    wait_for(
        "every process to be gone",
        lambda: [pid for pid in worker.spawned() if kernel.is_running(pid)],
        lambda left: not left,
        GONE_WITHIN_REAL_S,
        stretch=canary.stretch,
    )
    assert worker.process.poll() is None


@pytest.mark.parametrize("seed", range(10))
def test_a_worker_killed_at_any_moment_leaves_nothing(start, canary, seed):
    """While it boots, while it spawns and pauses and kills: a random moment each."""
    worker = start("storm")
    life_real_s = random.Random(seed).uniform(0.0, 1.0)
    born = time.monotonic()
    wait_for("the moment", time.monotonic, lambda now: now >= born + life_real_s, SOON_REAL_S)
    assert worker.process.poll() is None
    worker.kill()
    _wait_until_nothing_remains(worker, canary)


def test_the_folder_of_the_run_goes_with_the_last_of_its_processes(start, canary):
    """A controller that was killed cannot remove it: the launchers of its workers do."""
    controller = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    workers = [start(owner_pid=controller.pid) for _ in range(2)]
    runs = [worker.folder.parent for worker in workers]
    for worker in workers:
        worker.wait_until_up()
        (worker.folder.parent / "slot-0").touch()
    workers[0].kill()
    _wait_until_nothing_remains(workers[0], canary)
    controller.kill()
    controller.wait()
    workers[1].kill()
    wait_for("its folder to be gone", runs[1].exists, lambda there: not there, GONE_WITHIN_REAL_S)
    assert (runs[0] / "slot-0").exists(), "its owner lived: the run goes on"


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_worker_that_ends_without_closing_leaves_nothing(start, canary, end):
    """Every other abrupt end is like SIGKILL."""
    worker = start()
    worker.wait_until_up()
    worker.process.send_signal(end)
    worker.process.wait(SOON_REAL_S)
    _wait_until_nothing_remains(worker, canary)


CHILD = """
import os, signal
from harness.processes import arm_parent_death
assert arm_parent_death()
print(os.getpid(), flush=True)
signal.pause()
"""


def test_an_armed_xdist_worker_dies_with_its_controller(canary):
    """A worker that arms itself does not outlive a killed controller, paused or not."""
    controller = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}])"],
        stdout=subprocess.PIPE,
        text=True,
    )
    with controller:
        worker_pid = int(controller.stdout.readline())
        os.kill(worker_pid, signal.SIGSTOP)
        controller.kill()
        wait_for(
            "the worker to be gone",
            lambda: kernel.thread_states(worker_pid),
            lambda _: not kernel.is_running(worker_pid),
            GONE_WITHIN_REAL_S,
            stretch=canary.stretch,
        )


def test_remains_are_seen(start):
    """The check itself works: a worker that lives has processes and a folder."""
    worker = start()
    worker.wait_until_up()
    with pytest.raises(WaitTimeout, match=r"s2 \d+.*links \d+.*launcher\.log"):
        wait_for("nothing to be left", worker.remains, lambda left: not left, deadline_real_s=0)
