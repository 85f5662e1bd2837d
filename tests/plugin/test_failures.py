"""What is shown when a test that has a cluster fails, and where its logs stay."""

from pathlib import Path

import pytest

from tests.plugin.conftest import InnerRun

FAILS = """
def test_fails(cluster):
    assert cluster.nodes == ["s9"]
"""


@pytest.mark.parametrize("workers", [(), ("-n1",)])
def test_a_failure_shows_nodes_cuts_logs_and_the_way_back(
    imagined: InnerRun, workers: tuple[str, ...]
) -> None:
    """State and cuts, the end of every log with a path that is still there, and the command for this test."""
    result = imagined("--cluster-seed=7", "--time-scale=0.1", *workers, test=FAILS)
    result.assert_outcomes(failed=1)
    again = "pytest test_inner.py::test_fails --cluster-seed 7 --time-scale 0.1 --links toxiproxy"
    result.stdout.fnmatch_lines(
        [
            "*- cluster -*",
            "s1 127.0.0.1:1 pid 7 running",
            "s3 127.0.0.1:1 pid 7 running",
            "links cut: peer-s1-s3",
            "*- last lines of s1: */s1.log -*",
            "s1 says goodbye",
            "*- last lines of s3: */s3.log -*",
            "*- run just this test again -*",
            again + (" -n 0" if workers else ""),
        ]
    )
    [log] = Path(imagined.pytester.path, ".pytest_cache", "d", "cutheal").glob("*/s1.log")
    assert log.read_text(encoding="utf-8") == "s1 says hello\ns1 says goodbye\n"
    assert str(log) in result.stdout.str().replace("\n", "")
    assert imagined.left_behind == []


def test_the_command_for_one_test_finds_it_again(imagined: InnerRun) -> None:
    """Parameters and trials are quoted for the shell, and ids are relative to where pytest was started."""
    test = """
        @pytest.mark.parametrize("text", ["a b"])
        def test_fails(cluster, text): assert text == "c"
        """
    result = imagined("--trials=2", "--nodes=2", "--cluster-seed=3", test=test)
    again = (
        "pytest 'test_inner.py::test_fails[a b-trial2]' --cluster-seed 3 --time-scale 0.05 --links toxiproxy"
        " --nodes 2 --trials 2"
    )
    assert again in result.stdout.lines
    rerun = imagined(*["test_inner.py::test_fails[a b-trial2]", "--trials=2"])
    rerun.assert_outcomes(failed=1)


def test_a_cluster_that_cannot_be_asked_hides_nothing(imagined: InnerRun) -> None:
    """The failure of the test itself is shown whatever befell its cluster."""
    result = imagined(
        test="""
        def test_fails(cluster):
            from harness.session import WORLD
            WORLD.cannot_be_asked = True
            assert "the test's own reason" == ""
        """
    )
    result.stdout.fnmatch_lines(
        ["*the test's own reason*", "*- cluster -*", "could not be asked: ConnectionError: nobody answers"]
    )
    result.assert_outcomes(failed=1)


def test_a_failed_setup_shows_the_cluster_too(imagined: InnerRun) -> None:
    """A fixture that fails after it got its cluster is a failure with a cluster."""
    result = imagined(
        test="""
        @pytest.fixture
        def registered(cluster): raise RuntimeError("no answer")
        def test_a(registered): pass
        """
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*RuntimeError: no answer", "*- cluster -*", "links cut: peer-s1-s3"])


def test_clusters_of_wider_scope_are_shown_to_those_who_use_them(imagined: InnerRun) -> None:
    """A test that does not ask for the module's cluster does not see it when it fails."""
    result = imagined(
        test="""
        @pytest.fixture(scope="module")
        def shared(cluster_factory_module): return cluster_factory_module()
        def test_uses(shared): assert False
        def test_does_not(): assert False
        """
    )
    result.assert_outcomes(failed=2)
    assert result.stdout.str().count("links cut:") == 1


def test_bundles_go_where_the_user_says(imagined: InnerRun) -> None:
    """One folder for each failed test, with what the terminal showed; a second failure takes its place."""
    for _ in range(2):
        imagined("--bundles=failed", test=FAILS)
    [bundle] = (imagined.pytester.path / "failed").iterdir()
    assert bundle.name.startswith("test_inner.py-test_fails-")
    names = ["history.jsonl", "report.txt", "s1.log", "s1.metrics", "s2.log", "s3.log"]
    assert sorted(path.name for path in bundle.iterdir()) == names
    report = (bundle / "report.txt").read_text(encoding="utf-8")
    assert "links cut: peer-s1-s3" in report
    assert f"cutheal check {bundle / 'history.jsonl'} --model" in report


def test_a_test_that_passes_shows_nothing(imagined: InnerRun) -> None:
    """No section and no bundle for a test that passed, or that failed as expected."""
    result = imagined(
        "-rA",
        test="""
        def test_passes(cluster): pass
        @pytest.mark.xfail(reason="known")
        def test_expected(cluster): assert False
        """,
    )
    result.assert_outcomes(passed=1, xfailed=1)
    result.stdout.no_fnmatch_line("*links cut*")
    assert not (imagined.pytester.path / ".pytest_cache" / "d" / "cutheal").exists()
