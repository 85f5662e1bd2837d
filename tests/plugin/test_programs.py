"""Programs by marker, option and ini setting, and the README's example copied into an empty folder."""

from pathlib import Path

import pytest

from tests.plugin.conftest import InnerRun

COUNTER = (Path(__file__).parent.parent / "programs" / "test_counter.py").read_text()
README = (Path(__file__).parent.parent.parent / "README.md").read_text()

SHOP = """
from harness.programs import ForeignProgram, Wsgi

def make_app(node):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [node.name.encode()]
    return app

def fails(node):
    raise ValueError("no configuration file")

SHOP = ForeignProgram(Wsgi(make_app), digest=lambda api: "same")
BROKEN = ForeignProgram(Wsgi(fails))
"""

ASKS = """
    def test_it(cluster):
        assert [node.api.get("/").text for node in cluster.nodes] == ["s1", "s2"]
        cluster.wait_converged(within_s=10)
"""


def test_the_readmes_program_is_the_repositorys() -> None:
    """Word for word."""
    assert f"```python\n{COUNTER}```" in README


def test_the_readmes_program_runs_anywhere(inner: InnerRun, pytester: pytest.Pytester) -> None:
    """Copied into an empty folder: the nodes find the code in the test's own file."""
    pytester.makepyfile(test_counter=COUNTER)
    pytester.runpytest_subprocess("-q").assert_outcomes(passed=1)
    assert inner.left_behind == []


@pytest.mark.parametrize("name", ["shop:SHOP", "shop.py:SHOP"])
def test_a_program_for_the_whole_run(inner: InnerRun, pytester: pytest.Pytester, name: str) -> None:
    """As an option: by module, or by file."""
    pytester.makepyfile(shop=SHOP)
    pytester.syspathinsert()
    inner("--program", name, "--nodes", "2", test=ASKS).assert_outcomes(passed=1)


def test_a_program_as_an_ini_setting_and_in_workers(inner: InnerRun, pytester: pytest.Pytester) -> None:
    """xdist's workers run it as well."""
    pytester.makepyfile(shop=SHOP)
    done = inner("-n", "2", test=ASKS, ini="cutheal_program = shop.py:SHOP\ncutheal_nodes = 2")
    done.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("shop.py:NOTHING", "*there is no NOTHING in *shop.py; there is make_app, fails, SHOP, BROKEN*"),
        ("shop.py:make_app", "*'shop.py:make_app' is <function make_app *right would be a ForeignProgram*"),
        ("nowhere:SHOP", "*there is no module 'nowhere' on sys.path*"),
        ("wrong.py:SHOP", "*importing 'wrong.py:SHOP' raised ModuleNotFoundError: No module named 'nothing*"),
    ],
)
def test_a_program_that_cannot_be_had(
    inner: InnerRun, pytester: pytest.Pytester, name: str, says: str
) -> None:
    """One line, and no traceback."""
    pytester.makepyfile(shop=SHOP, wrong="import nothing_of_that_name")
    done = inner("--program", name, test=ASKS)
    done.stdout.fnmatch_lines([f"--program: {says}"])
    done.stdout.no_fnmatch_line("*Traceback*")


def test_an_option_that_names_no_program(inner: InnerRun) -> None:
    """A usage error before anything runs."""
    done = inner("--program", "shop", test=ASKS)
    done.stderr.fnmatch_lines(["*--program: 'shop': module:NAME or path/to/file.py:NAME is needed"])


def test_a_marker_whose_program_is_none(inner: InnerRun) -> None:
    """It is told when tests are collected, by the test's name."""
    done = inner(
        test="""
        @pytest.mark.cluster(program="redis")
        def test_it(cluster):
            pass
        """
    )
    done.stdout.fnmatch_lines(
        ["*::test_it: the marker cluster says program='redis'; right would be a program, such as Foreign*"]
    )
    done.assert_outcomes(errors=1)


def test_a_program_that_dies_shows_its_own_lines_and_none_of_ours(
    inner: InnerRun, pytester: pytest.Pytester
) -> None:
    """The fixture has no line of the user's to point at: the sentence stands alone."""
    pytester.makepyfile(shop=SHOP)
    done = inner("--program", "shop.py:BROKEN", test=ASKS)
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(
        [
            "*a node ended by itself: s* exited with status 1; its log ends with:",
            "*in fails*",
            '*raise ValueError("no configuration file")',
        ]
    )
    assert not [line for line in done.outlines if "harness/" in line or "fixtures/" in line]
