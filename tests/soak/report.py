"""What a soak came to: a table whose last column should be zeros, or one JSON document."""

import json
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from tests.soak.census import KINDS, Census
from tests.soak.observer import MEMORY_CLUSTERS_MIN, MEMORY_WARM_UP, Observer

GROWTH_MAX_KIB = 16.0
"""Of memory, for each cluster: pytest itself keeps three reports of each test, which are 6 KiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All that was seen.

    Args:
        seed: of everything drawn.
        observer: what it noted after each cluster.
        before: before pytest began.
        after: when it had ended.
        ended: how pytest ended.

    """

    seed: int
    observer: Observer
    before: Census
    after: Census
    ended: int

    @property
    def complaints(self) -> list[str]:
        """What is not as it should be, one line each, with the command that repeats it where one does."""
        seen = self.observer
        lines = [f"cluster {n}: {why}; {self._again(n)}" for n, why in sorted(seen.failed.items())]
        lines += [
            f"cluster {n} left {'; '.join(what)}; {self._again(n)}" for n, what in sorted(seen.left.items())
        ]
        lines += [f"cluster {n} saw no verified fault; {self._again(n)}" for n in seen.unverified]
        lines += [f"left at the end: {what}" for what in self.after.beyond(self.before)]
        if seen.growth_kib is not None and seen.growth_kib > GROWTH_MAX_KIB:
            lines.append(f"memory grew by {seen.growth_kib:.1f} KiB a cluster")
        if seen.ran < len(seen.numbers):
            lines.append(f"{len(seen.numbers) - seen.ran} clusters of {len(seen.numbers)} did not run")
        return lines

    def _again(self, number: int) -> str:
        return f"again: python -m tests.soak --seed {self.seed} --only {number}"


def print_table(outcome: Outcome) -> None:
    """Print what was counted, and below it what is not as it should be."""
    seen = outcome.observer
    table = Table(title=f"soak of {seen.ran} clusters, seed {outcome.seed}", title_justify="left")
    table.add_column("what")
    for heading in ("before the first", "before the next", "most too many after one", "left at the end"):
        table.add_column(heading, justify="right")
    for row in _rows(outcome):
        table.add_row(*map(str, row))
    console = Console(width=110)
    console.print(table)
    console.print(
        f"{seen.ran} clusters, {seen.reused} of them reused; {seen.faults} faults seen by probes; "
        f"{len(seen.unverified)} clusters without one; {len(seen.failed)} failed; {_memory(seen)}"
    )
    for line in outcome.complaints:
        print(line)


def print_json(outcome: Outcome) -> None:
    """Print the same as one document."""
    seen = outcome.observer
    document = {
        "seed": outcome.seed,
        "clusters": seen.ran,
        "reused": seen.reused,
        "faults_verified": seen.faults,
        "without_verified_fault": seen.unverified,
        "failed": seen.failed,
        "memory_kib_per_cluster": None if seen.growth_kib is None else round(seen.growth_kib, 2),
        "counts": [
            dict(zip(("what", "before", "with_session", "most_too_many", "left"), row, strict=True))
            for row in _rows(outcome)
        ],
        "complaints": outcome.complaints,
    }
    print(json.dumps(document))


def _rows(outcome: Outcome) -> list[tuple[str, int, int, int, int]]:
    seen = outcome.observer
    settled = seen.before or outcome.before
    rows = []
    for kind in KINDS:
        left = (outcome.after.names[kind] - outcome.before.names[kind]).total()
        rows.append((kind, outcome.before.count(kind), settled.count(kind), seen.most[kind], left))
    return rows


def _memory(seen: Observer) -> str:
    if seen.growth_kib is None:
        return f"too few to tell growth of memory ({MEMORY_WARM_UP + MEMORY_CLUSTERS_MIN})"
    return f"memory {seen.growth_kib:+.1f} KiB a cluster"
