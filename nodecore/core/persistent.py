"""The persistent instances of all services: the state machine of the group `naming_persistent_service`.

Invariant: it is a function of the commands in their order and of nothing else. Health is no part of it but
for what a registration began with: the responsible node judges it, and it is never in the log (see 5.4).
"""

from collections.abc import Iterable
from dataclasses import replace

from nodecore.core.commands import INSTANCES_GROUP, Applied, Command, Held, Kind, Outcome, Rejected
from nodecore.core.keys import is_persistent, service_of
from nodecore.core.records import Instance, Instances, Metadata, Record
from nodecore.core.resources import canonical

PATCHED_FIELDS = ("weight", "enabled", "metadata", "app")
"""What PATCH may name: health is what checks say, and the rest is what an instance is."""


class PersistentLists:
    """key -> list, in canonical order."""

    group = INSTANCES_GROUP

    def __init__(self) -> None:
        self._lists: dict[str, Instances] = {}

    def get(self, key: str) -> Instances | None:
        """Return the list of a key, None when there is none."""
        return self._lists.get(key)

    def records(self) -> tuple[tuple[str, Held], ...]:
        """Return everything, in key order: the snapshot."""
        return tuple(sorted(self._lists.items()))

    def restore(self, records: Iterable[tuple[str, Held]]) -> None:
        """Hold exactly these."""
        self._lists = {key: value for key, value in records if isinstance(value, Instances)}

    def apply(self, command: Command) -> Outcome:  # noqa: PLR0911  one return per kind
        """Do what a command says, merging it into what is there."""
        if not is_persistent(command.key):
            return Rejected(status=400, message=f"{command.key} is no key of persistent instances")
        if command.kind is Kind.REMOVE:
            return self.remove(command.key)
        given = command.record
        if not isinstance(given, Instances):
            return Rejected(status=400, message=f"{command.key}: an instance list is needed")
        given = Instances(tuple(replace(entry, ephemeral=False) for entry in given.instances))
        match command.kind:
            case Kind.PUT:
                return self._stored(command.key, given, None)
            case Kind.REGISTER:
                return self._put(command.key, given.instances, None)
            case Kind.DEREGISTER:
                return self._deregister(command.key, given)
            case Kind.PATCH:
                return self._patch(command, given)
            case Kind.SET_METADATA | Kind.REMOVE_METADATA:
                return self._change_metadata(command, given)
            case _:
                return Rejected(status=400, message=f"{command.kind} is nothing that instances take")

    def remove(self, key: str) -> Applied:
        """Forget a key; one that is not there is no error."""
        gone = self._lists.pop(key, None)
        return Applied(changed=((key, None),) if gone is not None else ())

    def _deregister(self, key: str, given: Instances) -> Outcome:
        """An emptied list stays, and with it the service, as the original has it."""
        stored = self._lists.get(key)
        if stored is None:
            return Applied()
        gone = {entry.identity for entry in given.instances}
        kept = tuple(entry for entry in stored.instances if entry.identity not in gone)
        return self._stored(key, Instances(kept), None)

    def _patch(self, command: Command, given: Instances) -> Outcome:
        known = {entry.identity: entry for entry in self._entries(command.key)}
        missing = next((entry for entry in given.instances if entry.identity not in known), None)
        if missing is not None:
            service = service_of(command.key)
            at = f"{missing.ip}:{missing.port} in cluster {missing.cluster} of {service}"
            return Rejected(status=400, message=f"instance not found: {at}")
        names = [name for name in PATCHED_FIELDS if name in command.fields]
        patched = [
            replace(known[entry.identity], **{name: getattr(entry, name) for name in names})
            for entry in given.instances
        ]
        return self._put(command.key, patched, None)

    def _change_metadata(self, command: Command, given: Instances) -> Outcome:
        """Change the metadata of those that are there; answer with them as they are now."""
        stored = self._lists.get(command.key)
        if stored is None:
            return Rejected(status=404, message=f"no service {service_of(command.key)} found!")
        said = {entry.identity: entry.metadata for entry in given.instances}
        if command.all_instances:
            pattern = given.instances[0].metadata if given.instances else ()
            said = {entry.identity: pattern for entry in stored.instances}
        remove = command.kind is Kind.REMOVE_METADATA
        changed = tuple(
            replace(entry, metadata=changed_metadata(entry.metadata, said[entry.identity], remove=remove))
            for entry in stored.instances
            if entry.identity in said
        )
        return self._put(command.key, changed, Instances(changed))

    def _entries(self, key: str) -> tuple[Instance, ...]:
        stored = self._lists.get(key)
        return stored.instances if stored else ()

    def _put(self, key: str, entries: Iterable[Instance], value: Record | None) -> Applied:
        return self._stored(key, Instances((*self._entries(key), *entries)), value)

    def _stored(self, key: str, instances: Instances, value: Record | None) -> Applied:
        self._lists[key] = canonical(instances)
        return Applied(changed=((key, self._lists[key]),), value=value)


def changed_metadata(before: Metadata, said: Metadata, *, remove: bool) -> Metadata:
    """Return metadata with what is said set in them, or with its names taken out."""
    if remove:
        names = [name for name, _ in said]
        return tuple((name, value) for name, value in before if name not in names)
    return tuple(sorted((dict(before) | dict(said)).items()))
