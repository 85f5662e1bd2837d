"""`cutheal bench convergence`: from a heal until all nodes agree again, in verify periods.

Both sides of a cut have given each other up and been written to; then, at a moment drawn at random, the cut
is healed. The time counts from the first call of the heal: the links carry again before they are verified.
The floor is the documents' own timers (`floor.healed_s`): until then some node holds another for dead.
"""

import time
from itertools import count
from random import Random

from harness.bench.case import Case
from harness.bench.floor import PERIOD_S, healed_s
from harness.bench.registry import lasting, register
from harness.bench.run import Run, let_pass
from harness.cluster import Cluster
from harness.spec import ClusterSpec

NODES = (3, 5)
TIME_SCALE = 0.12
"""The least at which a report's time-out is the documents' own: no call is given up before 0.3 s real."""

GIVEN_UP_WITHIN_S = 60.0
AGREED_WITHIN_S = 120.0


def cases(run: Run) -> list[Case]:
    """Measure heals after writes to different services, and after writes to the same one."""
    return [case for nodes in run.sizes.nodes or NODES for case in _cases(run, nodes)]


def _cases(run: Run, nodes: int) -> list[Case]:
    random = Random(run.session.options.seed)
    minority = nodes // 2
    sides = nodes - minority, minority
    floor = healed_s() / PERIOD_S
    cluster = run.session.cluster(
        ClusterSpec(nodes=nodes, time_scale=TIME_SCALE), owner="cutheal bench convergence"
    )
    numbers = count()
    try:
        return [
            Case.of(
                run.interleaved(
                    f"convergence: {nodes} nodes, {what}",
                    lambda one=one: _healed_periods(cluster, sides, _services(next(numbers), one), random),  # type: ignore[misc]
                    lambda: floor,
                ),
                case=f"{nodes} nodes, {sides[0]}|{sides[1]}, {what}; scale {TIME_SCALE}",
                unit="periods",
            )
            for what, one in (("other services written", False), ("one service written", True))
        ]
    finally:
        cluster.close()


def _services(number: int, one: bool) -> tuple[str, str]:
    """Name what either side writes to, not written to before."""
    return (f"Here{number}", f"Here{number}" if one else f"There{number}")


def _healed_periods(
    cluster: Cluster, sides: tuple[int, int], services: tuple[str, str], random: Random
) -> float:
    here, there = cluster.nodes[: sides[0]], cluster.nodes[sides[0] :]
    with cluster.partition(here, there) as fault:
        seen = dict.fromkeys(here, here) | dict.fromkeys(there, there)
        cluster.wait_members(seen, within_s=GIVEN_UP_WITHIN_S)
        register(cluster, here[0], services[0], lasting("10.0.0.1"))
        register(cluster, there[0], services[1], lasting("10.0.0.2"))
        let_pass(random.uniform(0, PERIOD_S) * cluster.time_scale, "a moment that no timer knows")
        begun = time.monotonic()
        fault.heal()
    cluster.wait_converged(within_s=AGREED_WITHIN_S)
    return (time.monotonic() - begun) / cluster.time_scale / PERIOD_S
