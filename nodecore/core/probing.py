"""Active checks of persistent instances by the responsible node (R19; reference nacos-1.4.md 5.4).

Each instance has a rhythm of its own: the first check comes after 2 s and a part of 5 s that its name
decides, so that a thousand instances are not checked at once; then the pause follows how long checks take.
Invariant: only the owner checks and flips, one check of an instance is open at a time, and a node that has
stalled flips nobody.
"""

from collections.abc import Callable
from dataclasses import dataclass

from nodecore.config import Timings
from nodecore.core.due import DueKeys
from nodecore.core.events import Probe, Probed
from nodecore.core.findings import Found, Verdict, verdict
from nodecore.core.keys import namespace_of, service_of
from nodecore.core.members import Members
from nodecore.core.outward import Outward
from nodecore.core.projection import Projection
from nodecore.core.records import CheckerKind, ClusterChecks, Instance, InstanceId
from nodecore.core.ring import distro_hash
from nodecore.core.switches import Switches

FACTORS = {CheckerKind.TCP: 0.75, CheckerKind.HTTP: 0.85, CheckerKind.MYSQL: 0.65, CheckerKind.NONE: 0.75}
"""How much of the last pause stays in the next one; the rest is how long the check took."""

ChecksOf = Callable[[str, str, str], ClusterChecks]
"""How a cluster is checked, by namespace, grouped name and cluster."""


@dataclass(slots=True)
class Standing:
    """How the checks of one instance go; `pause_s` is real seconds."""

    key: str
    identity: InstanceId
    pause_s: float
    passed: int = 0
    failed: int = 0
    open_id: int | None = None


class Probing:
    """Checks every persistent instance that this node is responsible for.

    Args:
        checks_of: how the instances of a cluster are checked.
        flipped: told of the key in which the health of an instance has changed.
    """

    def __init__(
        self,
        out: Outward,
        members: Members,
        projection: Projection,
        switches: Switches,
        timings: Timings,
        checks_of: ChecksOf,
        flipped: Callable[[str], None],
    ) -> None:
        self._out = out
        self._members = members
        self._projection = projection
        self._switches = switches
        self._timings = timings
        self._checks_of = checks_of
        self._flipped = flipped
        self._standings: dict[str, dict[InstanceId, Standing]] = {}
        self._named: dict[str, Standing] = {}
        self._open: dict[int, str] = {}
        self._last_id = 0
        self._due = DueKeys()

    # ---- who is checked --------------------------------------------------------------------------

    def adopt(self, key: str, now: float) -> None:
        """Check exactly the instances of a key from now on, if it is ours: list or ring has changed."""
        stored = self._projection.get(key)
        entries = stored.instances if stored is not None and self._members.owns(service_of(key)) else ()
        before = self._standings.pop(key, {})
        wanted = {entry.identity: before.get(entry.identity) for entry in entries}
        for identity in [identity for identity in before if identity not in wanted]:
            self._forget(before[identity])
        if wanted:
            self._standings[key] = {
                identity: known or self._first(key, identity, now) for identity, known in wanted.items()
            }

    def adopt_all(self, now: float) -> None:
        """The ring has changed: check what is ours now."""
        for key in sorted({*self._standings, *self._projection.sorted_keys()}):
            self.adopt(key, now)

    def hurry(self, key: str, now: float) -> None:
        """The instances of a key are checked otherwise from now on: begin at once, and count anew."""
        for standing in self._standings.get(key, {}).values():
            standing.passed = standing.failed = 0
            if standing.open_id is None:
                self._due.set(_name(standing), now)

    # ---- checking --------------------------------------------------------------------------------

    def next_due(self) -> float | None:
        """Return when the next check is due."""
        return self._due.earliest()

    def advance(self, now: float) -> None:
        """Begin the checks that are due."""
        for name in self._due.take(now):
            self._begin(self._named[name], now)

    def probed(self, event: Probed, now: float, *, stalled: bool) -> None:
        """A check has ended; what `stalled` this node itself says nothing of the instance."""
        name = self._open.pop(event.probe_id, None)
        standing = None if name is None else self._named.get(name)
        if standing is None or standing.open_id != event.probe_id:
            return
        standing.open_id = None
        instance = self._projection.find(standing.key, standing.identity)
        if instance is None:
            return
        checks = self._checks(standing)
        standing.pause_s = self._next_pause_s(standing, checks.checker.kind, event.took_s)
        self._due.set(_name(standing), now + standing.pause_s)
        if event.finding.why:
            level = "warning" if event.finding.found is Found.UNABLE else "debug"
            self._log(level, "probe", instance, event)
        if not stalled and checks.checker == event.checker:
            self._judge(standing, instance, event, verdict(event.checker, event.finding))

    # ---- doing it --------------------------------------------------------------------------------

    def _begin(self, standing: Standing, now: float) -> None:
        instance = self._projection.find(standing.key, standing.identity)
        if instance is None or standing.open_id is not None:
            return
        checks = self._checks(standing)
        if checks.checker.kind is CheckerKind.NONE or not self._switches.judges(service_of(standing.key)):
            self._due.set(_name(standing), now + self._bounds_s(checks.checker.kind)[1])
            return
        self._last_id += 1
        standing.open_id = self._last_id
        self._open[self._last_id] = _name(standing)
        self._out.add(
            Probe(
                probe_id=self._last_id,
                target=f"{instance.ip}:{checks.port_of(instance)}",
                checker=checks.checker,
                timeout_s=self._timings.probe_timeout_s,
            )
        )

    def _judge(self, standing: Standing, instance: Instance, event: Probed, found: Verdict) -> None:
        """Count what was found: a refusal is believed at once, all else only `check_times` in a row."""
        if found is Verdict.NONE or instance.marked:
            return
        standing.passed = standing.passed + 1 if found is Verdict.PASSED else 0
        standing.failed = standing.failed + 1 if found is Verdict.FAILED else 0
        times = self._switches.now.check_times
        if not instance.healthy and standing.passed >= times:
            self._flip(standing, instance, event, healthy=True)
        elif instance.healthy and (found is Verdict.DOWN or standing.failed >= times):
            self._flip(standing, instance, event, healthy=False)
        elif instance.healthy is (found is Verdict.PASSED):
            self._projection.set_health(standing.key, standing.identity, healthy=instance.healthy)

    def _flip(self, standing: Standing, instance: Instance, event: Probed, *, healthy: bool) -> None:
        standing.passed = standing.failed = 0
        self._projection.set_health(standing.key, standing.identity, healthy=healthy)
        self._log("info", "instance_healthy" if healthy else "instance_unhealthy", instance, event)
        self._flipped(standing.key)

    def _log(self, level: str, said: str, instance: Instance, event: Probed) -> None:
        found = event.finding
        fields = {"instance": instance.instance_id, "check": event.checker.kind, "found": found.found}
        self._out.log(level, said, **fields, status=found.status or "", why=found.why)

    # ---- rhythm ----------------------------------------------------------------------------------

    def _first(self, key: str, identity: InstanceId, now: float) -> Standing:
        standing = Standing(key, identity, 0.0)
        part = distro_hash(_name(standing)) % 1000 / 1000
        standing.pause_s = self._timings.probe_first_s + part * self._timings.probe_tcp_max_s
        self._named[_name(standing)] = standing
        self._due.set(_name(standing), now + standing.pause_s)
        return standing

    def _next_pause_s(self, standing: Standing, kind: CheckerKind, took_s: float) -> float:
        least_s, most_s = self._bounds_s(kind)
        factor = FACTORS[kind]
        return min(most_s, max(least_s, factor * standing.pause_s + (1 - factor) * took_s))

    def _bounds_s(self, kind: CheckerKind) -> tuple[float, float]:
        timings = self._timings
        match kind:
            case CheckerKind.HTTP:
                return timings.probe_http_min_s, timings.probe_http_max_s
            case CheckerKind.MYSQL:
                return timings.probe_mysql_min_s, timings.probe_mysql_max_s
            case CheckerKind.TCP | CheckerKind.NONE:
                return timings.probe_tcp_min_s, timings.probe_tcp_max_s

    def _checks(self, standing: Standing) -> ClusterChecks:
        _, _, cluster = standing.identity
        return self._checks_of(namespace_of(standing.key), service_of(standing.key), cluster)

    def _forget(self, standing: Standing) -> None:
        self._due.forget(_name(standing))
        del self._named[_name(standing)]


def _name(standing: Standing) -> str:
    ip, port, cluster = standing.identity
    return f"{standing.key}#{ip}#{port}#{cluster}"
