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
GOAL_RATIO = 4.0


def cases(run: Run) -> list[Case]:
    """Measure every size."""
    with Launcher.start(run.session.options.folder / "bare", PRELOAD) as launcher:
        return [_case(run, launcher, nodes) for nodes in run.sizes.nodes or NODES]


def _case(run: Run, launcher: Launcher, nodes: int) -> Case:
    pairs = run.interleaved(
        f"boot: {nodes} nodes", lambda: _cluster_ms(run.session, nodes), lambda: _bare_ms(launcher, nodes)
    )
    return Case.of(
        pairs,
        case=f"{nodes} nodes; scale {_time_scale(nodes):.2f}",
        unit="ms",
        goal=f"ratio at most {GOAL_RATIO:.0f}" if nodes == 3 else "",
        is_met=(lambda case: case.ratio <= GOAL_RATIO) if nodes == 3 else None,
    )


def _time_scale(nodes: int) -> float:
    """The default, or as slow as it takes for many nodes' own traffic not to be what is measured."""
    return max(TIME_SCALE_DEFAULT, 2 * least_time_scale(nodes, os.cpu_count() or 1))


def _cluster_ms(session: Session, nodes: int) -> float:
    started = time.monotonic()
    cluster = session.cluster(
        ClusterSpec(nodes=nodes, time_scale=_time_scale(nodes)), owner="cutheal bench boot"
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
