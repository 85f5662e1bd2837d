"""The part of a soak that sits in its pytest: which clusters there are, and what each has left behind.

Invariant: what is counted after a cluster is compared with what was there before, when the session and, where
clusters are reused, one idle cluster were there already; what is left at the very end, with what was there
before pytest began.
"""

import gc
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from tests.soak.census import KIB, KINDS, Census
from tests.soak.verdicts import first_line


@dataclass(slots=True)
class Observer:
    """A pytest plugin that runs the story once for each number and looks around after each.

    Args:
        numbers: of the clusters.
        warm_up: how many of the first are there to fill pools and caches; what they leave is what was before.
        look: takes a census.

    """

    numbers: Sequence[int]
    warm_up: int
    look: Callable[[], Census]
    before: Census | None = None
    left: dict[int, list[str]] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    unverified: list[int] = field(default_factory=list)
    faults: int = 0
    reused: int = 0
    ran: int = 0
    memory_bytes: list[int] = field(default_factory=list)
    most: Counter[str] = field(default_factory=Counter)
    _born: set[str] = field(default_factory=set)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Give the story its numbers."""
        metafunc.parametrize("number", self.numbers, ids=[f"cluster{number}" for number in self.numbers])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what became of a cluster: which faults it saw, and how it failed."""
        number = _number(report.nodeid)
        if report.failed:
            self.failed.setdefault(number, first_line(report))
        if report.when == "teardown":
            self._note(number, dict(report.user_properties))

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Look around: the cluster is closed, or idle until it is wanted again."""
        census = self.look()
        if self.before is not None and census.beyond(self.before, POOLED):
            gc.collect()  # what only waits for that is not left behind
            census = self.look()
        self.memory_bytes.append(census.memory_bytes)
        if self.ran <= self.warm_up or self.before is None:
            self.before = census if self.before is None else _both(self.before, census)
            return
        more = census.beyond(self.before, POOLED)
        if more:
            self.left[_number(nodeid)] = more
        for kind in KINDS:
            self.most[kind] = max(self.most[kind], census.more(kind, self.before, POOLED).total())

    @property
    def growth_kib(self) -> float | None:
        """By how much resident memory grew for each cluster; None when too few ran to tell.

        Medians of ten, for it jitters.
        """
        settled = self.memory_bytes[MEMORY_WARM_UP:]
        if len(settled) < MEMORY_CLUSTERS_MIN:
            return None
        return (_middle(settled[-TEN:]) - _middle(settled[:TEN])) / KIB / len(settled)

    def _note(self, number: int, said: dict[str, object]) -> None:
        self.ran += 1
        verified, born = int(str(said.get("verified", 0))), str(said.get("born"))
        self.faults += verified
        self.reused += born in self._born
        self._born.add(born)
        if not verified:
            self.unverified.append(number)


POOLED = Counter({"tcp socket that is connected": 3})
"""A cluster that waits keeps a connection to each node for the questions of probes, if a test asked any."""

TEN = 10
MEMORY_WARM_UP = 150
"""Clusters; on a busy machine the stall canary remembers as many stalls as it ever will by then: 1 MiB."""

MEMORY_CLUSTERS_MIN = 100
"""Fewer than this after the warm-up do not tell growth from jitter."""


def _number(nodeid: str) -> int:
    return int(nodeid.rpartition("cluster")[2].rstrip("]"))


def _both(first: Census, second: Census) -> Census:
    return Census(
        names={kind: first.names[kind] | second.names[kind] for kind in KINDS},
        memory_bytes=second.memory_bytes,
    )


def _middle(values: Sequence[int]) -> int:
    return sorted(values)[len(values) // 2]
