"""`--tx`: workers that xdist starts in another interpreter, or over ssh, as on another machine."""

import getpass
import os
import shutil
import socket
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.options import SETTINGS
from fixtures.runs import RUN, WORKER_INPUT, machine, set_up_run
from harness.waiting import wait_for
from tests.plugin.conftest import InnerRun

SHARDED = """
@pytest.mark.parametrize("n", range(4))
def test_a(cluster, n):
    import sys
    from harness.session import WORLD
    WORLD.note(f"ran in {sys.executable}")
"""

PLENTY_REAL_S = 30.0

NOT_FOR_EVER = "--max-worker-restart=2"
"""With --tx xdist replaces a worker that cannot start without end, unless it is told how often."""


@pytest.fixture(scope="module")
def second_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another interpreter: a virtual environment that has what this one has."""
    folder = tmp_path_factory.mktemp("second")
    venv.create(folder, symlinks=True)
    [packages] = folder.glob("lib/python*/site-packages")
    ours = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "ours.pth").write_text("".join(f"import site; site.addsitedir({p!r})\n" for p in ours))
    return folder / "bin" / "python"


@pytest.fixture
def ssh_config(tmp_path: Path) -> Iterator[Path]:
    """How to reach the host `far`: a server of our own on the loopback interface."""
    server = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if server is None or shutil.which("ssh") is None:
        pytest.skip("no ssh server: apt-get install openssh-server has this test run")
    folder = tmp_path / "ssh"
    folder.mkdir(mode=0o700)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    port = _free_port()
    _write_ssh_files(folder, port)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    with subprocess.Popen(
        [server, "-D", "-e", "-f", folder / "sshd_config"], stderr=subprocess.DEVNULL
    ) as run:
        wait_for("the ssh server", lambda: _listens(port), bool, PLENTY_REAL_S)
        yield folder / "ssh_config"
        run.terminate()


def test_a_suite_runs_in_two_interpreters(imagined: InnerRun, second_python: Path) -> None:
    """One worker in each, in one folder of the run."""
    gateways = ("--tx=popen//id=one", f"--tx=popen//id=two//python={second_python}")
    result = imagined("--dist=load", NOT_FOR_EVER, *gateways, test=SHARDED)
    result.assert_outcomes(passed=4)
    assert interpreters(imagined) == {sys.executable, str(second_python)}
    assert {Path(folder).name for folder in imagined.folders} == {"one", "two"}
    assert len({Path(folder).parent for folder in imagined.folders}) == 1
    assert imagined.left_behind == []


def test_a_suite_runs_over_ssh(
    imagined: InnerRun, second_python: Path, ssh_config: Path, tmp_path: Path
) -> None:
    """Here the far machine is this one, as its workers notice: they share a folder with the others."""
    imagined.prepare(test=SHARDED)
    notes, far = os.environ["IMAGINED_NOTES"], shutil.copytree(imagined.pytester.path, tmp_path / "far")
    there = f"chdir={far}//env:IMAGINED_NOTES={notes}"
    over_ssh = f"--tx=ssh=far//ssh_config={ssh_config}//python={second_python}//{there}//id=two"
    result = imagined("--dist=load", NOT_FOR_EVER, "--tx=popen//id=one", over_ssh)
    result.assert_outcomes(passed=4)
    assert interpreters(imagined) == {sys.executable, str(second_python)}
    assert len({Path(folder).parent for folder in imagined.folders}) == 1
    assert imagined.left_behind == []


def test_a_worker_on_another_machine_has_a_folder_there(
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The controller's folder and process mean nothing there; the last worker removes the folder."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    told = {"seed": 5, "run_folder": "/elsewhere/cutheal-77", "controller_pid": 1, "machine": "another"}
    assert told["machine"] != machine()
    worker = _Worker(pytestconfig, {"workerid": "gw3", WORKER_INPUT: told})
    set_up_run(worker)  # type: ignore[arg-type]
    run = worker.stash[RUN]
    assert (run.worker_folder, run.owner_pid) == (tmp_path / "cutheal-77" / "gw3", None)
    assert worker.stash[SETTINGS].seed == 5
    other = tmp_path / "cutheal-77" / "gw4"
    other.mkdir(parents=True)
    assert not run.removes_folder
    other.rmdir()
    assert run.removes_folder


class _Worker:
    """The configuration of a worker, as far as the plugin reads it."""

    def __init__(self, config: pytest.Config, workerinput: dict[str, object]) -> None:
        self.stash = pytest.Stash()
        self.workerinput = workerinput
        self._config = config

    def __getattr__(self, name: str) -> object:
        return getattr(self._config, name)


def interpreters(inner: InnerRun) -> set[str]:
    return {note.removeprefix("ran in ") for note in inner.notes if note.startswith("ran in ")}


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _write_ssh_files(folder: Path, port: int) -> None:
    (folder / "authorized").write_text((folder / "user.pub").read_text())
    (folder / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {folder}/host\nPidFile {folder}/pid\nStrictModes no\n"
        f"AuthorizedKeysFile {folder}/authorized\nPasswordAuthentication no\nUsePAM no\n"
    )
    (folder / "ssh_config").write_text(
        f"Host far\n  HostName 127.0.0.1\n  Port {port}\n  User {getpass.getuser()}\n"
        f"  IdentityFile {folder}/user\n  IdentitiesOnly yes\n  StrictHostKeyChecking no\n"
        "  UserKnownHostsFile /dev/null\n  LogLevel ERROR\n"
    )
