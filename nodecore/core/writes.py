"""Writes to instances, as the responsible node executes them (R10, R18, R27).

Invariant: every write is stored here first and then waits for every other member; what changes nothing
waits for nobody, but a registration is always told to all.
"""

from dataclasses import replace
from typing import assert_never

from nodecore.core.answers import Answer, BeatAnswer, Done, Refused, UpdatedAnswer
from nodecore.core.events import Change
from nodecore.core.judge import beat_interval_s
from nodecore.core.keys import ephemeral_key
from nodecore.core.operations import (
    Beat,
    ChangeMetadata,
    DeregisterInstance,
    PatchInstance,
    RegisterInstance,
)
from nodecore.core.persistent import changed_metadata
from nodecore.core.records import Instance, InstanceId, Instances
from nodecore.core.replica import Replica
from nodecore.core.switches import Switches
from nodecore.core.sync import Sync

ListWrite = RegisterInstance | DeregisterInstance | PatchInstance | ChangeMetadata | Beat
"""What changes the list of a service."""


class Writes:
    """Executes writes on this node's data."""

    def __init__(self, replica: Replica, sync: Sync, switches: Switches) -> None:
        self._replica = replica
        self._sync = sync
        self._switches = switches

    def execute(self, operation: ListWrite, now: float) -> Answer:
        """Execute a write for which this node is responsible."""
        match operation:
            case RegisterInstance():
                self._register(operation.namespace, operation.instance, now)
                return Done()
            case DeregisterInstance():
                return self._deregister(operation, now)
            case PatchInstance():
                return self._patch(operation, now)
            case ChangeMetadata():
                return self._change_metadata(operation, now)
            case Beat():
                return self._beat(operation, now)
            case _:
                assert_never(operation)

    def _register(self, namespace: str, instance: Instance, now: float) -> None:
        key = ephemeral_key(namespace, instance.service)
        others = self._without(key, instance.identity)
        self._replica.put(key, Instances((*others, instance)), now)
        self._replica.beats.heard(key, instance.identity, now)
        self._sync.enqueue(key, Change.CHANGE, now)

    def _deregister(self, operation: DeregisterInstance, now: float) -> Answer:
        key = ephemeral_key(operation.namespace, operation.service)
        identity = (operation.ip, operation.port, operation.cluster)
        if self._find(key, identity) is not None:
            self._replica.put(key, Instances(self._without(key, identity)), now)
            self._sync.enqueue(key, Change.CHANGE, now)
        return Done()

    def _beat(self, operation: Beat, now: float) -> Answer:
        key = ephemeral_key(operation.namespace, operation.service)
        identity = (operation.ip, operation.port, operation.cluster)
        known = self._find(key, identity)
        if known is None and operation.instance is None:
            return self._beat_answer(None, known=False)
        if known is None and operation.instance is not None:
            self._register(operation.namespace, operation.instance, now)
            return self._beat_answer(operation.instance, known=True)
        self._replica.beats.heard(key, identity, now)
        if known is not None and not known.healthy and not known.marked:
            others = self._without(key, identity)
            self._replica.put(key, Instances((*others, replace(known, healthy=True))), now)
        return self._beat_answer(known, known=True)

    def _beat_answer(self, instance: Instance | None, *, known: bool) -> BeatAnswer:
        return BeatAnswer(
            interval_s=beat_interval_s(instance, self._switches.beat_interval_s),
            known=known,
            light_beats=self._switches.now.light_beat_enabled,
        )

    def _patch(self, operation: PatchInstance, now: float) -> Answer:
        key = ephemeral_key(operation.namespace, operation.service)
        known = self._find(key, (operation.ip, operation.port, operation.cluster))
        if known is None:
            return Refused(status=400, message=f"instance not found: {_described(operation)}")
        self._replace(key, [_patched(known, operation)], now)
        return Done()

    def _change_metadata(self, operation: ChangeMetadata, now: float) -> Answer:
        key = ephemeral_key(operation.namespace, operation.service)
        stored = self._replica.instances(key)
        if stored is None:
            return Refused(status=404, message=f"no service {operation.service} found!")
        named = operation.instances
        changed = [
            replace(
                entry, metadata=changed_metadata(entry.metadata, operation.metadata, remove=operation.remove)
            )
            for entry in stored.instances
            if named is None or entry.identity in named
        ]
        self._replace(key, changed, now)
        return UpdatedAnswer(tuple(changed))

    def _replace(self, key: str, changed: list[Instance], now: float) -> None:
        """Put these instances in the place of those with the same identities, and tell all members."""
        others = (self._replica.instances(key) or Instances()).instances
        if self._replica.put(key, Instances((*others, *changed)), now):
            self._sync.enqueue(key, Change.CHANGE, now)

    def _find(self, key: str, identity: InstanceId) -> Instance | None:
        stored = self._replica.instances(key) or Instances()
        return next((entry for entry in stored.instances if entry.identity == identity), None)

    def _without(self, key: str, identity: InstanceId) -> tuple[Instance, ...]:
        stored = self._replica.instances(key) or Instances()
        return tuple(entry for entry in stored.instances if entry.identity != identity)


def _patched(instance: Instance, patch: PatchInstance) -> Instance:
    names = ("weight", "healthy", "enabled", "metadata", "app")
    given = {name: value for name in names if (value := getattr(patch, name)) is not None}
    return replace(instance, **given)


def _described(operation: PatchInstance) -> str:
    return f"{operation.ip}:{operation.port} in cluster {operation.cluster} of {operation.service}"
