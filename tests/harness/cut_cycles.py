"""`python -m tests.harness.cut_cycles`: do cuts and heals stay verified while others use up the processors?

Cuts and heals the links of stand-in nodes again and again, kind after kind, beside busy loops. On a link
server that works each FaultNotInForce is a false alarm; on the deaf double (`--deaf`) each cut that raises
none was missed. Exits 1 if there was one of either.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from harness import Cut
from harness.links.fabric import Links
from harness.links.locate import find_server
from harness.links.matrix import FaultNotInForce
from harness.topology import groups
from tests.doubles.world import DEAF, EMBEDDED, LinkWorld
from tests.soak.busy import busy_loops

TOLD = (
    Cut.BLACKHOLE,
    Cut.REFUSE,
    Cut.LOSE_REQUESTS,
    Cut.LOSE_REPLIES,
    Cut.RESET,
    Cut.HOLD,
    Cut.slow(ms=100),
)
"""What probes can tell."""

CONFIGURED = (Cut.rate(kb=10), Cut.slow_close(ms=10), Cut.slice(size_bytes=10), Cut.cut_after(size_bytes=50))
"""What they cannot, so that a deaf server is not found out by it."""


@dataclass(slots=True)
class Tally:
    """What became of one kind's cycles; times in milliseconds."""

    alarms: list[str] = field(default_factory=list)
    not_told: int = 0
    cuts_ms: list[float] = field(default_factory=list)
    heals_ms: list[float] = field(default_factory=list)

    def row(self, cut: Cut, *, is_deaf: bool) -> list[str]:
        """Return its line of the table."""
        counts = (len(self.cuts_ms), self.bad(is_deaf=is_deaf), self.not_told)
        return [str(cut), *map(str, counts), _spread(self.cuts_ms), _spread(self.heals_ms)]

    def bad(self, *, is_deaf: bool) -> int:
        """Return how many cycles did not end as they should."""
        return len(self.cuts_ms) - len(self.alarms) if is_deaf else len(self.alarms)


def main() -> int:
    """Run the programme and print its table; return its exit code."""
    options = _options()
    cuts = TOLD if options.deaf else TOLD + CONFIGURED
    path = DEAF if options.deaf else EMBEDDED if options.links == "embedded" else find_server()
    tallies = {cut: Tally() for cut in cuts}
    secret = "of these cycles" if options.raft else ""
    with (
        TemporaryDirectory() as folder,
        busy_loops(options.burn),
        LinkWorld(Path(folder), nodes=options.nodes, agents=["C1"], path=path, secret=secret) as world,
    ):
        world.links.verify()
        edges = groups(world.names[: options.nodes // 2], [*world.names[options.nodes // 2 :], "C1"]).edges
        for number in range(options.cycles):
            cut = cuts[number % len(cuts)]
            _cycle(world.links, cut, edges, tallies[cut])
    return _report(tallies, options)


def _cycle(links: Links, cut: Cut, edges: Sequence[tuple[str, str]], tally: Tally) -> None:
    """Cut and heal once; after an alarm everything is healed all the same."""
    begun = cut_at = time.monotonic()
    try:
        hold = links.cut(edges, cut)
        cut_at = time.monotonic()
        if cut.kind == "slow":
            tally.not_told += "l" not in "".join(cell.reading.code for cell in links.matrix())
        healing_at = time.monotonic()
        links.heal(hold)
        tally.heals_ms.append((time.monotonic() - healing_at) * 1000)
    except FaultNotInForce as alarm:
        tally.alarms.append(str(alarm))
        cut_at = time.monotonic()
        links.heal_all()
    tally.cuts_ms.append((cut_at - begun) * 1000)


def _report(tallies: dict[Cut, Tally], options: argparse.Namespace) -> int:
    bad = "missed" if options.deaf else "false alarms"
    table = Table("cut", "cycles", bad, "slow not told", "cut ms (max)", "heal ms (max)")
    for cut, tally in tallies.items():
        table.add_row(*tally.row(cut, is_deaf=options.deaf))
    Console().print(table)
    total = sum(tally.bad(is_deaf=options.deaf) for tally in tallies.values())
    print(f"{options.cycles} cycles beside {options.burn} busy loops: {total} {bad}")
    if not options.deaf:
        for alarm in [alarm for tally in tallies.values() for alarm in tally.alarms][:3]:
            print(alarm)
    return 1 if total else 0


def _spread(samples: Sequence[float]) -> str:
    return f"{median(samples):.0f} ({max(samples):.0f})" if samples else "-"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cycles", type=int, default=400, help="how many cuts and heals (400)")
    parser.add_argument("--burn", type=int, default=0, help="how many busy loops run beside (0)")
    parser.add_argument("--nodes", type=int, default=5, help="how many nodes are linked (5)")
    parser.add_argument("--links", choices=("toxiproxy", "embedded"), default="toxiproxy")
    parser.add_argument("--raft", action="store_true", help="nodes have Raft ports and links too")
    parser.add_argument("--deaf", action="store_true", help="through a link server that cuts nothing")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
