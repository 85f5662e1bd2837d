"""What the plugin costs those who do not use it: nothing is started, nothing of the harness imported."""

import subprocess
import sys

import pytest

from tests.plugin.conftest import InnerRun

HEAVY = ("harness", "nodecore", "requests", "waitress", "toxiproxy", "psutil", "rich")

TELL_MODULES = """
import sys
import pytest

def pytest_unconfigure():
    heavy = sorted(name for name in sys.modules if name in {heavy!r})
    sys.__stderr__.write(f"heavy: {{heavy}}\\n")
"""


def test_importing_the_plugin_imports_pytest_alone() -> None:
    """Beside pytest there is the standard library and the plugin's own files."""
    program = "import sys, fixtures.plugin; print([m for m in sys.argv[1:] if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", program, *HEAVY], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("arguments", [["--help"], ["--collect-only"], ["--markers"], ["--fixtures"]])
def test_looking_around_starts_nothing(inner: InnerRun, arguments: list[str]) -> None:
    """Help, markers and collection import nothing heavy and make no folder."""
    inner.pytester.makeconftest(TELL_MODULES.format(heavy=HEAVY))
    result = inner(*arguments, test="def test_a(cluster): pass")
    assert "heavy: []" in result.stderr.lines
    assert inner.left_behind == []


def test_help_and_markers_tell_what_there_is(inner: InnerRun) -> None:
    """Every option, ini setting, marker and fixture is documented where pytest documents them."""
    inner("--help", test="").stdout.fnmatch_lines(["*--nodes=N*", "*--requirements=*", "*cutheal_nodes*"])
    inner("--markers").stdout.fnmatch_lines(["@pytest.mark.cluster(nodes=3*", "@pytest.mark.requirement(*"])
    for fixture in (
        "cluster --*",
        "cluster_factory --*",
        "cluster_factory_module *",
        "cluster_factory_session *",
    ):
        inner("--fixtures").stdout.fnmatch_lines([fixture])


def test_without_the_plugin_there_is_nothing_of_it(inner: InnerRun) -> None:
    """`-p no:cutheal` turns off every part: no option, no header, no fixture."""
    result = inner("-p", "no:cutheal", test="def test_a(cluster): pass")
    result.stdout.fnmatch_lines(["*fixture 'cluster' not found*"])
    result.stdout.no_fnmatch_line("cutheal:*")
    refused = inner("-p", "no:cutheal", "--trials=2")
    refused.stderr.fnmatch_lines(["*unrecognized arguments: --trials=2*"])
