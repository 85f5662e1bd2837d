"""A node's counters and gauges in the text format of Prometheus: the body of `GET /metrics`.

Only this module needs prometheus-client, and it is imported when somebody first asks. Invariant: each page
has a registry of its own, so that nodes in one process do not mix.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from nodecore.core.answers import MemberState
from nodecore.core.enquiries import MetricsAnswer
from nodecore.raft.status import RaftStatus
from nodecore.runtime.counts import Counts, Labels

CONTENT_TYPE = CONTENT_TYPE_LATEST

_COUNTERS = (
    ("requests", "requests answered", ("method", "path", "status")),
    ("request_cpu_seconds", "processor time of answering requests", ("method", "path")),
    ("request_body_bytes", "bytes of bodies of requests and answers", ("method", "path", "direction")),
    ("calls", "calls to members", ("kind", "outcome")),
    ("call_cpu_seconds", "processor time of calls to members", ("kind",)),
    ("call_body_bytes", "bytes of bodies of calls and answers", ("kind", "direction")),
    ("core_cpu_seconds", "processor time of the core, by what it was told", ("event",)),
    ("events", "what the log tells as events, whatever its level", ("event",)),
    (
        "raft_requests",
        "writes and linearizable reads by outcome: applied, definite or indefinite",
        ("outcome",),
    ),
    ("pushes", "pushes sent to subscribers", ()),
    ("probes", "active checks of persistent instances", ("kind",)),
    ("loop_lag_seconds", "how much too late the timer's ticks were, in all", ()),
)
_VERIFY_KINDS = ("VerifyDigest", "Verify")


def page(name: str, counts: Counts, now: MetricsAnswer, raft: RaftStatus | None = None) -> bytes:
    """Return the page.

    Args:
        name: of the node.
        counts: what it has done so far.
        now: what it holds at this moment.
        raft: how its Raft is at this moment, None without CP.
    """
    registry = CollectorRegistry()
    registry.register(_Node(name, counts, now, raft))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


@dataclass(frozen=True, slots=True)
class _Node:
    name: str
    counts: Counts
    now: MetricsAnswer
    raft: RaftStatus | None

    def collect(self) -> Iterator[Metric]:
        for name, doc, labels in _COUNTERS:
            yield _counter(name, doc, labels, self.counts.of(name))
        yield from self._verify()
        yield from self._gauges()
        if self.raft is not None:
            yield from _raft_gauges(self.raft)

    def _verify(self) -> Iterator[Metric]:
        """What verify costs and finds, without having to know by which calls."""
        sums = {"sent": 0.0, "received": 0.0}
        for (kind, direction), amount in self.counts.of("call_body_bytes").items():
            sums[direction] += amount if kind in _VERIFY_KINDS else 0.0
        by_direction: dict[Labels, float] = {(name,): amount for name, amount in sums.items()}
        yield _counter("verify_bytes", "bytes of bodies of verify calls", ("direction",), by_direction)
        events = self.counts.of("events")
        differences = events.get(("verify_difference",), 0.0)
        yield _counter("verify_differences", "verifies that made it pull or drop", (), {(): differences})
        stalls = events.get(("stall",), 0.0)
        yield _counter("stalls", "times this node was away for half a beat period", (), {(): stalls})

    def _gauges(self) -> Iterator[Metric]:
        now = self.now
        lag_s = self.counts.of("loop_lag_seconds_highest").get((), 0.0)
        for name, doc, value in (
            ("services", "services this node knows", now.services),
            ("services_owned", "services it is responsible for", now.services_owned),
            ("instances", "instances it holds", now.instances),
            ("instances_owned", "instances it judges", now.instances_owned),
            ("records", "keys in its store", now.records),
            ("pending", "changes and deletes that wait for a member", now.pending),
            ("subscribers", "clients it pushes to", now.subscribers),
            ("loop_lag_highest_seconds", "the latest tick so far", lag_s),
        ):
            yield GaugeMetricFamily(f"nodecore_{name}", doc, value=value)
        members = GaugeMetricFamily("nodecore_members", "members by state", labels=["state"])
        states = dict(now.members)
        for state in MemberState:
            members.add_metric([state.value], states.get(state.value, 0))
        yield members
        status = GaugeMetricFamily("nodecore_status", "what it calls itself", labels=["name", "status"])
        status.add_metric([self.name, now.status.value], 1)
        yield status


def _raft_gauges(raft: RaftStatus) -> Iterator[Metric]:
    for name, doc, value in (
        ("term", "the term this node is in", raft.term),
        ("commit_index", "how far the log is committed, as this node knows", raft.commit_index),
        ("applied_index", "how far the log is applied on this node", raft.applied_index),
        ("members", "members of the group, this node included", len(raft.members)),
    ):
        yield GaugeMetricFamily(f"nodecore_raft_{name}", doc, value=value)
    role = GaugeMetricFamily(
        "nodecore_raft_role", "what it is, and whom it follows", labels=["role", "leader"]
    )
    role.add_metric([raft.role.value, raft.leader or ""], 1)
    yield role


def _counter(name: str, doc: str, labels: tuple[str, ...], sums: Mapping[Labels, float]) -> Metric:
    family = CounterMetricFamily(f"nodecore_{name}", doc, labels=labels)
    for values, amount in sorted(sums.items()):
        family.add_metric(values, amount)
    return family
