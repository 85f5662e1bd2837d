"""`--trials K`: how often a test that uses a cluster passes."""

import pytest

from fixtures.trials import without_trial
from tests.plugin.conftest import InnerRun


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_trials_are_counted(imagined: InnerRun, workers: tuple[str, ...]) -> None:
    """K runs of each test that uses a cluster, one of all others, and a line with how many passed."""
    result = imagined(
        "--trials=5",
        *workers,
        test="""
        @pytest.mark.parametrize("n", [7])
        def test_flaky(cluster, n, request):
            assert request.node.name != "test_flaky[7-trial3]"
            if request.node.name == "test_flaky[7-trial4]" and hasattr(request.config, "workerinput"):
                os._exit(1)
        def test_steady(cluster_factory): cluster_factory()
        def test_without(): pass
        """,
    )
    passed = 3 if workers else 4
    result.assert_outcomes(passed=passed + 6, failed=5 - passed)
    assert f"test_inner.py::test_flaky[7]: {passed}/5 passed" in result.stdout.lines
    assert "test_inner.py::test_steady: 5/5 passed" in result.stdout.lines
    result.stdout.no_fnmatch_line("test_inner.py::test_without: *passed")


def test_ids_of_trials() -> None:
    """The test of a trial is found from its id alone, for a crashed worker sends nothing else."""
    assert without_trial("a.py::test_x[trial3]") == "a.py::test_x"
    assert without_trial("a.py::TestA::test_x[b-1-trial12]") == "a.py::TestA::test_x[b-1]"
    assert without_trial("a.py::test_x[trial3]@group") == "a.py::test_x@group"
    assert without_trial("a.py::test_x[trials]") == "a.py::test_x[trials]"
