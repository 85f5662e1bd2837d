"""Inner pytest runs: in a folder of their own, warnings as errors, a TMPDIR in which nothing may stay."""

from pathlib import Path
from textwrap import dedent

import pytest

from harness.links.locate import find_server

IMAGINED = Path(__file__).with_name("imagined.py")

WITHOUT = " ".join(f"-p no:{name}" for name in ("hypothesispytest", "schemathesis", "anyio", "platformdirs"))
"""Plugins that an inner run never needs: importing them costs it three seconds of processor time of four."""

USE_IMAGINED = """
import importlib.util
import sys

spec = importlib.util.spec_from_file_location("harness.session", {path!r})
module = importlib.util.module_from_spec(spec)
sys.modules["harness.session"] = module
spec.loader.exec_module(module)
"""


class InnerRun:
    """Writes files for, and starts, an inner pytest."""

    def __init__(self, pytester: pytest.Pytester, temporary: Path, notes: Path) -> None:
        self.pytester = pytester
        self.temporary = temporary
        self._notes = notes

    def __call__(self, *arguments: str, test: str = "", ini: str = "") -> pytest.RunResult:
        self.prepare(test=test, ini=ini)
        return self.pytester.runpytest_subprocess(*arguments)

    def prepare(self, *, test: str = "", ini: str = "") -> None:
        """Write the ini file, and the test if there is a new one."""
        self.pytester.makeini(f"[pytest]\nfilterwarnings = error\naddopts = {WITHOUT}\n{ini}")
        if test:
            self.pytester.makepyfile(test_inner="import os\nimport pytest\n" + dedent(test))

    @property
    def notes(self) -> list[str]:
        """What the imagined world noted, without folders."""
        return [line for line in self._lines() if not line.startswith("folder ")]

    @property
    def folders(self) -> list[str]:
        """The folders that imagined sessions were given."""
        return [line.removeprefix("folder ") for line in self._lines() if line.startswith("folder ")]

    @property
    def left_behind(self) -> list[str]:
        """What is left in the inner run's folder for temporary files."""
        return sorted(path.name for path in self.temporary.iterdir() if path.name.startswith("cutheal"))

    def _lines(self) -> list[str]:
        return self._notes.read_text(encoding="utf-8").splitlines() if self._notes.exists() else []


@pytest.fixture(scope="session")
def link_server() -> Path:
    """The link server of the outer run, found before pytester gives a test another home."""
    return find_server()


@pytest.fixture
def inner(
    link_server: Path, pytester: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> InnerRun:
    """An inner run with the real harness."""
    monkeypatch.setenv("TOXIPROXY_SERVER", str(link_server))
    temporary, notes = tmp_path / "tmp", tmp_path / "notes"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("IMAGINED_NOTES", str(notes))
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID"):
        monkeypatch.delenv(name, raising=False)
    return InnerRun(pytester, temporary, notes)


@pytest.fixture
def imagined(inner: InnerRun) -> InnerRun:
    """An inner run whose session is imagined: it starts nothing and fails as it is told."""
    inner.pytester.makeconftest(USE_IMAGINED.format(path=str(IMAGINED)))
    return inner
