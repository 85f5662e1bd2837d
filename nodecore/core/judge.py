"""Which instances are alive: the responsible node's judgement of beats, and when it must not judge (R18).

Only keys are looked at of which somebody may have been silent for too long: a period costs as much as is
due, not as there is. Invariant: only the owner judges; nobody is judged by a beat older than the owner's
take-over, nor by a node that has itself stalled within the last beat period.
"""

from dataclasses import dataclass, replace

from nodecore.config import Timings
from nodecore.core.events import Change
from nodecore.core.keys import service_of
from nodecore.core.members import Members
from nodecore.core.outward import Outward
from nodecore.core.records import Instance, Instances
from nodecore.core.replica import Replica
from nodecore.core.ring import Ring
from nodecore.core.switches import Switches
from nodecore.core.sync import Sync
from nodecore.core.timers import Every

BEAT_INTERVAL = "preserved.heart.beat.interval"
BEAT_TIMEOUT = "preserved.heart.beat.timeout"
DELETE_TIMEOUT = "preserved.ip.delete.timeout"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one instance may be silent, in real seconds."""

    unhealthy_after_s: float
    remove_after_s: float


class Judge:
    """Judges the beats of all services this node owns, every `judge_s`."""

    def __init__(
        self,
        out: Outward,
        replica: Replica,
        members: Members,
        sync: Sync,
        timings: Timings,
        switches: Switches,
    ) -> None:
        self._out = out
        self._replica = replica
        self._store = replica.store
        self._beats = replica.beats
        self._members = members
        self._sync = sync
        self._timings = timings
        self._switches = switches
        self._stalled_until: float | None = None
        self.timer = Every(timings.judge_s)

    def stall(self, late_s: float, now: float) -> None:
        """This node itself was away: judge nobody for a period, then count every beat from its end."""
        self._stalled_until = now + self._timings.beat_s
        self._beats.restart_all(self._stalled_until)
        self._out.log("warning", "stall", late_s=round(late_s, 6), judging_again_in_s=self._timings.beat_s)

    def is_stalled(self, now: float) -> bool:
        """Say whether this node must not judge anybody, neither instances nor members."""
        return self._stalled_until is not None and now < self._stalled_until

    def ring_moved(self, before: Ring, now: float) -> None:
        """Count the beats of services that have just become ours from now, never from a stale beat."""
        own = self._members.own
        moment = max(now, self._stalled_until or now)
        for key in self._store.sorted_keys():
            was_ours, is_ours = before.owner(service_of(key)) == own, self._members.owns(service_of(key))
            instances = self._replica.instances(key)
            if was_ours and not is_ours:
                self._beats.forget(key)
            elif is_ours and not was_ours and instances is not None:
                self._beats.adopt(key, instances, moment)

    def judge(self, now: float) -> None:
        """Mark who has been silent too long, and remove who has been for longer."""
        if self.is_stalled(now):
            return
        for key in self._beats.due.take(now):
            instances = self._replica.instances(key)
            if instances is None or not self._members.owns(service_of(key)):
                continue
            if self._switches.judges(service_of(key)):
                self._judge_list(key, instances, now)
                self._look_again(key, now)
            else:
                self._beats.due.set(key, now)

    def _judge_list(self, key: str, instances: Instances, now: float) -> None:
        kept: list[Instance] = []
        for instance in instances.instances:
            judged = self._judged(key, instance, now)
            if judged is not None:
                kept.append(judged)
            if judged is not instance:
                event = "instance_removed" if judged is None else "instance_unhealthy"
                silent_s = round(self._beats.silent_s(key, instance.identity, now), 6)
                self._out.log("info", event, key=key, instance=instance.instance_id, silent_s=silent_s)
        # Health alone is no change of its own: the checksum differs, and verify tells the peers.
        if self._replica.put(key, Instances(tuple(kept)), now) and len(kept) < len(instances.instances):
            self._sync.enqueue(key, Change.CHANGE, now)

    def _look_again(self, key: str, now: float) -> None:
        """Have a key looked at when somebody in it may next have been silent for too long."""
        stored = self._replica.instances(key) or Instances()
        moments = [
            self._beats.last(key, instance.identity, now) + self._patient_for_s(instance)
            for instance in stored.instances
            if not instance.marked
        ]
        if moments:
            self._beats.due.set(key, min(moments))

    def _patient_for_s(self, instance: Instance) -> float:
        patience = patience_with(instance, self._timings)
        if not instance.healthy:
            return patience.remove_after_s
        return min(patience.unhealthy_after_s, patience.remove_after_s)

    def _judged(self, key: str, instance: Instance, now: float) -> Instance | None:
        """Return the instance as it is to be from now on, None to remove it."""
        silent_s = self._beats.silent_s(key, instance.identity, now)
        patience = patience_with(instance, self._timings)
        if instance.marked:
            return instance
        if silent_s > patience.remove_after_s and self._switches.now.expire_instances:
            return None
        if silent_s > patience.unhealthy_after_s and instance.healthy:
            return replace(instance, healthy=False)
        return instance


def patience_with(instance: Instance, timings: Timings) -> Patience:
    """Return the time-outs of an instance: its own (real milliseconds on the wire), else the node's."""
    return Patience(
        unhealthy_after_s=_own_s(instance, BEAT_TIMEOUT, timings.unhealthy_after_s),
        remove_after_s=_own_s(instance, DELETE_TIMEOUT, timings.remove_after_s),
    )


def beat_interval_s(instance: Instance | None, default_s: float) -> float:
    """Return how often an instance is to beat: its own interval, else the node's, in real seconds."""
    return _own_s(instance, BEAT_INTERVAL, default_s) if instance else default_s


def _own_s(instance: Instance, name: str, default_s: float) -> float:
    value = next((text for known, text in instance.metadata if known == name), "")
    return int(value) / 1000 if value.isascii() and value.isdigit() else default_s
