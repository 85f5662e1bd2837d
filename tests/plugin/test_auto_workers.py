"""How many workers `-n auto` starts."""

import pytest

from fixtures.workers import available_bytes, workers_for
from tests.plugin.conftest import InnerRun

GB = 1024**3


@pytest.mark.parametrize(
    ("cores", "available_bytes", "nodes", "time_scale", "workers"),
    [
        pytest.param(2, 8 * GB, 3, 0.05, 4, id="two a core: their clusters mostly wait"),
        pytest.param(2, 8 * GB, 5, 0.05, 2, id="bigger clusters need more slots"),
        pytest.param(2, 8 * GB, 3, 0.02, 1, id="a smaller time scale makes a cluster cost more"),
        pytest.param(16, GB, 3, 0.05, 3, id="memory"),
        pytest.param(1, 0, 20, 0.02, 1, id="never none"),
    ],
)
def test_clusters_slots_and_memory_decide(
    cores: int, available_bytes: int, nodes: int, time_scale: float, workers: int
) -> None:
    """The least of what each allows."""
    assert workers == workers_for(
        cores=cores, available_bytes=available_bytes, nodes=nodes, time_scale=time_scale
    )


def test_memory_is_that_of_the_container() -> None:
    assert 0 <= available_bytes() < 2**60


def test_auto_asks_us_and_settings_count(inner: InnerRun) -> None:
    """Clusters of 20 nodes: one worker at a time has slots for one, so one is started."""
    result = inner("-n", "auto", "--nodes=20", test="def test_a(): pass")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*1 worker *"])
