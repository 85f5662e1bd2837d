"""The house rules, checked by a machine: style, types, layers, sizes, and what may stand where."""

import ast
import functools
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

import fixtures

ROOT = Path(__file__).parent.parent
PACKAGES = ("nodecore", "harness", "fixtures")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
FILES = {"pyproject.toml", "README.md", "ARCHITECTURE.md", "LICENSE", "tox.ini"}
TOP_LEVEL = FILES | {*PACKAGES, "tests"}
BANNED_WORDS = ("TO" + "DO", "FIX" + "ME", "XX" + "X", "NotImplemented" + "Error")


def run_tool(*command: str) -> None:
    """Run one tool of this environment on the repository; fail with all it printed."""
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"


def functions(path: Path) -> list[tuple[str, int]]:
    """Every function of a file with its number of lines, without its docstring."""
    nodes = ast.walk(ast.parse(path.read_text()))
    return [
        (f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", body_lines(node))
        for node in nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function, its docstring not counted."""
    assert node.end_lineno is not None
    lines = node.end_lineno - node.lineno + 1
    if ast.get_docstring(node) is not None:
        first = node.body[0]
        assert first.end_lineno is not None
        lines -= first.end_lineno - first.lineno + 1
    return lines


def test_ruff_finds_nothing() -> None:
    """Rules and their exceptions, each with its reason, stand in pyproject.toml."""
    run_tool("ruff", "check", ".")


def test_ruff_would_format_nothing() -> None:
    """One layout for all."""
    run_tool("ruff", "format", "--check", ".")


def test_mypy_strict_finds_nothing() -> None:
    """All three packages, strictly."""
    run_tool("mypy")


def test_layers_hold() -> None:
    """fixtures above harness above nodecore, and the contracts of ARCHITECTURE.md."""
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", SOURCES + TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_of_a_size_that_answers_one_question(path: Path) -> None:
    """At most 350 lines, no function over 60, and nothing left for later."""
    text = path.read_text()
    assert len(text.splitlines()) <= 350
    assert [name for name, lines in functions(path) if lines > 60] == []
    assert [word for word in BANNED_WORDS if word in text] == []


def test_the_median_function_is_short() -> None:
    """Below ten lines; the longest tenth at most 30."""
    lines = sorted(lines for path in SOURCES for _, lines in functions(path))
    assert statistics.median(lines) < 10
    assert lines[len(lines) * 9 // 10] <= 30


def test_every_source_file_says_what_it_is_for() -> None:
    """A module docstring in each."""
    undocumented = [path for path in SOURCES if ast.get_docstring(ast.parse(path.read_text())) is None]
    assert undocumented == []


def test_only_named_files_touch_certain_libraries() -> None:
    """waitress where something is served, toxiproxy in harness/links, pytest in fixtures."""
    allowed = {
        "waitress": (
            *("nodecore/web/server.py", "nodecore/web/at_once.py"),
            *("harness/bench/", "harness/programs/wsgi_server.py"),
        ),
        "toxiproxy": ("harness/links/",),
        "pytest": ("fixtures/",),
    }
    for library, places in allowed.items():
        users = [str(path.relative_to(ROOT)) for path in SOURCES if library in imported(path)]
        assert [user for user in users if not user.startswith(places)] == []


@functools.cache
def imported(path: Path) -> set[str]:
    """Top-level names of all modules a file imports, those for type checking only left out."""
    names: set[str] = set()
    for node in ast.walk(without_type_checking(ast.parse(path.read_text()))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def without_type_checking(tree: ast.Module) -> ast.Module:
    """Drop `if TYPE_CHECKING:` blocks."""
    tree.body = [
        node
        for node in tree.body
        if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
    ]
    return tree


def test_nothing_pauses_but_the_one_who_waits() -> None:
    """time.sleep stands nowhere; harness/waiting.py waits on an event."""
    sleepers = [path for path in SOURCES + TESTS if "time." + "sleep(" in path.read_text()]
    assert sleepers == []


def test_the_top_level_holds_nothing_else() -> None:
    """Dot-files aside, exactly what the customer asked for."""
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    top = {name.split("/")[0] for name in tracked}
    assert {name for name in top if not name.startswith(".")} <= TOP_LEVEL


def test_fixtures_is_ours() -> None:
    """PyPI has a package of the same import name, which would shadow ours silently."""
    assert Path(str(fixtures.__file__)).parent == ROOT / "fixtures"


def test_ci_runs_the_readmes_test_command() -> None:
    """What decides is what a reader would type."""
    command = (ROOT / ".ci" / "run").read_text().splitlines()[-1]
    assert command in (ROOT / "README.md").read_text()
