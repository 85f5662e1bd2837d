"""`cutheal bench whole`: whole tests, boot to teardown, against what no harness could save.

The floor of a test without expiry is a cluster that boots and ends without doing anything; that of
R22-R24 is what the documents' own timers take.
"""

import time
from collections.abc import Callable
from functools import cache
from itertools import product

from harness.bench.case import Case
from harness.bench.floor import whole_story_s
from harness.bench.registry import lasting, register
from harness.bench.run import Run
from harness.cluster import Cluster
from harness.demo import tell as tell_the_documents_story
from harness.session import Session
from harness.spec import ClusterSpec
from harness.waits import NotReached

FAST_SCALE, STORY_SCALE = 0.02, 0.05
"""Tests that assert health run at 0.05 or slower; one without expiry may run at the least scale."""

GOAL_CUT_HEAL_S = 1.0
GOAL_STORY_OVER_FLOOR_S = 0.6
HEALED_WITHIN_S = 60.0


def cases(run: Run) -> list[Case]:
    """Measure both tests."""
    return [_cut_heal(run), _story(run)]


def _cut_heal(run: Run) -> Case:
    pairs = run.interleaved(
        "whole: a cut/heal test without expiry",
        lambda: _timed_s(run.session, FAST_SCALE, _write_on_both_sides),
        lambda: _timed_s(run.session, FAST_SCALE, lambda _: None),
    )
    return Case.of(
        pairs,
        case=f"cut, write on both sides, heal, all lists equal; scale {FAST_SCALE}",
        unit="s",
        goal=f"under {GOAL_CUT_HEAL_S:.0f} s",
        is_met=lambda case: case.median < GOAL_CUT_HEAL_S,
    )


def _story(run: Run) -> Case:
    pairs = run.interleaved(
        "whole: the documents' story R22-R24",
        lambda: _timed_s(run.session, STORY_SCALE, _documents_story),
        lambda: _documents_floor_s() * STORY_SCALE,
    )
    return Case.of(
        pairs,
        case=f"R22-R24; scale {STORY_SCALE}",
        unit="s",
        goal=f"floor + {GOAL_STORY_OVER_FLOOR_S} s",
        is_met=lambda case: case.median <= case.floor_median + GOAL_STORY_OVER_FLOOR_S,
    )


def _timed_s(session: Session, time_scale: float, test: Callable[[Cluster], None]) -> float:
    started = time.monotonic()
    cluster = session.cluster(ClusterSpec(nodes=3, time_scale=time_scale), owner="cutheal bench whole")
    try:
        test(cluster)
    finally:
        cluster.close()
    return time.monotonic() - started


def _write_on_both_sides(cluster: Cluster) -> None:
    s1, s2, s3 = cluster.nodes
    here, there = lasting("10.0.0.1"), lasting("10.0.0.2")
    with cluster.partition([s1, s2], [s3]):
        register(cluster, s1, cluster.service_owned_by(s1, prefix="Here"), here)
        register(cluster, s3, cluster.service_owned_by(s3, prefix="There"), there)
    cluster.wait_converged(within_s=HEALED_WITHIN_S)
    for node, (owner, prefix, instance) in product(cluster.nodes, [(s1, "Here", here), (s3, "There", there)]):
        listed = node.api.instances(cluster.service_owned_by(owner, prefix=prefix))
        if listed != [instance]:
            raise NotReached(
                f"{node.name} lists {listed} after the heal, not {instance}: nothing to be timed"
            )


def _documents_story(cluster: Cluster) -> None:
    story = tell_the_documents_story(cluster, on_phase=lambda _: None)
    differing = [phase.name for phase in story.phases if not phase.matches]
    if differing:
        raise NotReached(f"tables differ from the documents': {', '.join(differing)}; nothing to be timed")


@cache
def _documents_floor_s() -> float:
    return whole_story_s()
