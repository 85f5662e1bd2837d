"""`cutheal bench boot`: a cluster ready, against as many bare waitress processes that answer."""

import os
import time

from harness.bench.bare_servers import PRELOAD, bare_servers
from harness.bench.case import Case
from harness.bench.run import Run
from harness.ports import Reservations
from harness.processes import Launcher
from harness.session import Session
from harness.spec import TIME_SCALE_DEFAULT, ClusterSpec, least_time_scale

NODES = (1, 3, 5, 10, 20)
NODES_WITH_CP = 3
"""Ready is then also that there is a leader: an election is drawn from 0.15 to 0.3 s."""

GOAL_RATIO = 4.0


def cases(run: Run) -> list[Case]:
    """Measure every size, and by default one cluster with CP."""
    sizes = [(nodes, False) for nodes in run.sizes.nodes or NODES]
    if not run.sizes.nodes:
        sizes.append((NODES_WITH_CP, True))
    with Launcher.start(run.session.options.folder / "bare", PRELOAD) as launcher:
        return [_case(run, launcher, nodes, cp) for nodes, cp in sizes]


def _case(run: Run, launcher: Launcher, nodes: int, cp: bool) -> Case:
    what = f"{nodes} nodes with CP" if cp else f"{nodes} nodes"
    pairs = run.interleaved(
        f"boot: {what}", lambda: _cluster_ms(run.session, nodes, cp), lambda: _bare_ms(launcher, nodes)
    )
    has_goal = nodes == 3 and not cp
    return Case.of(
        pairs,
        case=f"{what}; scale {_time_scale(nodes):.2f}",
        unit="ms",
        goal=f"ratio at most {GOAL_RATIO:.0f}" if has_goal else "",
        is_met=(lambda case: case.ratio <= GOAL_RATIO) if has_goal else None,
    )


def _time_scale(nodes: int) -> float:
    """The default, or as slow as it takes for many nodes' own traffic not to be what is measured."""
    return max(TIME_SCALE_DEFAULT, 2 * least_time_scale(nodes, os.cpu_count() or 1))


def _cluster_ms(session: Session, nodes: int, cp: bool) -> float:
    started = time.monotonic()
    cluster = session.cluster(
        ClusterSpec(nodes=nodes, time_scale=_time_scale(nodes), cp=cp), owner="cutheal bench boot"
    )
    took_ms = (time.monotonic() - started) * 1000
    cluster.close()
    return took_ms


def _bare_ms(launcher: Launcher, nodes: int) -> float:
    with Reservations() as ports:
        addresses = ports.reserve(nodes)
        started = time.monotonic()
        with bare_servers(launcher, addresses):
            return (time.monotonic() - started) * 1000
