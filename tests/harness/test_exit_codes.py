"""Every way in which a command ends has a code of its own, and the help's table names each."""

import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from harness import cli, demo
from harness.exit_codes import MEANINGS, ExitCode, table
from harness.links.api import LinkServerDied
from harness.links.locate import NoLinkServer
from harness.links.matrix import FaultNotInForce, Matrix
from harness.processes import LauncherDied
from harness.spec import BadSpec
from harness.waits import NotReached


def test_the_help_has_a_row_for_every_code(capsys: pytest.CaptureFixture[str]) -> None:
    """One table, and no code without a meaning."""
    assert set(MEANINGS) == set(ExitCode)
    with pytest.raises(SystemExit) as end:
        cli.main(["--help"])
    assert end.value.code == 0
    printed = capsys.readouterr().out
    assert table() in printed
    for code, meaning in MEANINGS.items():
        assert f"  {code:<3}  {meaning}" in printed.splitlines()


def test_the_readme_has_the_same_table() -> None:
    """Word for word."""
    readme = (Path(__file__).parent.parent.parent / "README.md").read_text().replace("`", "")
    rows = [f"| {code} | {meaning.replace('`', '')} |" for code, meaning in MEANINGS.items()]
    assert [row for row in rows if row not in readme] == []


def raising(error: BaseException) -> Callable[[object], int]:
    """A command that ends with this error."""

    def run(_: object) -> int:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (
            FaultNotInForce("cut", ["peer-s1-s3: not cut"], Matrix(()), Matrix(())),
            ExitCode.FAULT_NOT_IN_FORCE,
        ),
        (NoLinkServer("no link server"), ExitCode.NO_LINK_SERVER),
        (LinkServerDied("link server did not answer"), ExitCode.DIED),
        (LauncherDied("launcher was killed", ("s1",)), ExitCode.DIED),
        (NotReached("not ready in time"), ExitCode.DIED),
        (BadSpec("nodes=0"), ExitCode.MISTAKE),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
    ],
)
def test_an_error_ends_the_command_with_its_code_and_one_line(
    error: BaseException, code: ExitCode, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback for any of them; Ctrl-C needs no words."""
    monkeypatch.setattr(demo, "run", raising(error))
    assert cli.main(["demo"]) == code
    printed = capsys.readouterr().err
    assert printed == (f"cutheal: {error}\n" if str(error) else "")


@pytest.mark.parametrize(
    "words", [[], ["bogus"], ["demo", "--bogus"], ["up", "--nodes", "three"], ["toxiproxy"]]
)
def test_argparses_own_mistakes_have_the_code_of_a_mistake(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """argparse alone would end with 2, the code of a fault that was not in force."""
    with pytest.raises(SystemExit) as end:
        cli.main(words)
    assert end.value.code == ExitCode.MISTAKE
    assert "usage: cutheal" in capsys.readouterr().err


def test_the_version_is_that_of_the_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    """For a report of a bug."""
    with pytest.raises(SystemExit) as end:
        cli.main(["--version"])
    assert end.value.code == ExitCode.DONE
    assert capsys.readouterr().out == f"cutheal {metadata.version('cutheal')}\n"


def test_a_word_that_runs_no_cluster_imports_none() -> None:
    """Or each command would begin with half a second of imports."""
    asks = "import sys; from harness import cli; cli.main(sys.argv[1:]); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", asks, "toxiproxy", "which"], capture_output=True, text=True, check=True
    )
    imported = done.stdout.split()
    assert "harness.links.install" in imported
    assert {"harness.session", "harness.bench", "requests", "psutil", "rich"}.isdisjoint(imported)
