"""The last table of measured.md: random cuts, restarts and heals, of which none may lose anything.

Each history runs with a few seeds here; a failure names its seed, and `history(seed)` is that run again. With
`CUTHEAL_HISTORIES=300` in the environment each runs with so many.
"""

import os
from collections.abc import Callable

import pytest

from tests.core import scenarios

RUNS = int(os.environ.get("CUTHEAL_HISTORIES", "25"))

REQUIREMENTS = {
    "quiet_cut": "R13",
    "owner_restarted": "R14",
    "lost_reports": "R17",
    "deregistered_during_cut": "R28",
    "registered_during_cut": "R11",
    "deleted_during_cut": "R28",
    "deleted_while_owner_is_dead": "R28",
    "healed_while_loading": "R14",
    "restarted_behind_refuse": "R14",
    "five_nodes_in_halves": "R28",
}


@pytest.mark.parametrize(
    "history",
    [
        pytest.param(history, marks=pytest.mark.requirement(REQUIREMENTS[history.__name__]))
        for history in scenarios.HISTORIES
    ],
    ids=lambda history: history.__name__,
)
def test_nothing_is_lost_and_nothing_comes_back(history: Callable[[int], list[str]]) -> None:
    """Every run ends with what was written, without what was deleted, and the same on all nodes."""
    wrong = {seed: lines for seed in range(RUNS) if (lines := history(seed))}
    assert not wrong, f"{len(wrong)} of {RUNS} runs, among them: {dict(list(wrong.items())[:3])}"
