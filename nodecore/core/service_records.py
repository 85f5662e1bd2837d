"""The metadata of all services: the state machine of the group `naming_service_metadata`.

Deleting a service takes its persistent instances with it in one entry of the log: in the original every
node writes a second one when it applies the first, and without a leader half a service stays (see 5.5).
Invariant: it is a function of the commands in their order; ephemeral instances are no part of it.
"""

from collections.abc import Iterable
from dataclasses import replace

from nodecore.core.commands import METADATA_GROUP, Applied, Command, Held, Kind, Outcome, Rejected
from nodecore.core.keys import is_metadata, namespace_of, persistent_key, service_of
from nodecore.core.persistent import PersistentLists
from nodecore.core.records import Service


class ServiceRecords:
    """key -> metadata. `lists` are those of the persistent instances, which follow the same log."""

    group = METADATA_GROUP

    def __init__(self, lists: PersistentLists) -> None:
        self._lists = lists
        self._services: dict[str, Service] = {}

    def get(self, key: str) -> Service | None:
        """Return the metadata of a service, None when nobody wrote any."""
        return self._services.get(key)

    def records(self) -> tuple[tuple[str, Held], ...]:
        """Return everything, in key order: the snapshot."""
        return tuple(sorted(self._services.items()))

    def restore(self, records: Iterable[tuple[str, Held]]) -> None:
        """Hold exactly these."""
        self._services = {key: value for key, value in records if isinstance(value, Service)}

    def apply(self, command: Command) -> Outcome:  # noqa: PLR0911  one return per kind
        """Do what a command says, merging it into what is there."""
        if not is_metadata(command.key):
            return Rejected(status=400, message=f"{command.key} is no key of a service's metadata")
        if command.kind is Kind.REMOVE:
            gone = self._services.pop(command.key, None)
            return Applied(changed=((command.key, None),) if gone else ())
        if command.kind is Kind.DELETE:
            return self._delete(command)
        given = command.record
        if not isinstance(given, Service):
            return Rejected(status=400, message=f"{command.key}: the metadata of a service are needed")
        match command.kind:
            case Kind.PUT:
                return self._stored(command.key, given)
            case Kind.CREATE:
                return self._create(command, given)
            case Kind.UPDATE | Kind.SET_CHECKS:
                return self._change(command, given)
            case _:
                return Rejected(status=400, message=f"{command.kind} is nothing that a service takes")

    def _create(self, command: Command, given: Service) -> Outcome:
        if self._is_there(command):
            sentence = f"specified service already exists, serviceName : {given.name}"
            return Rejected(status=400, message=sentence)
        return self._stored(command.key, given)

    def _change(self, command: Command, given: Service) -> Outcome:
        if not self._is_there(command):
            return Rejected(status=400, message=f"service {given.name} not found!")
        key = command.key
        known = self._services.get(key) or Service(namespace=namespace_of(key), name=service_of(key))
        if command.kind is Kind.UPDATE:
            threshold, metadata = given.protect_threshold, given.metadata
            return self._stored(key, replace(known, protect_threshold=threshold, metadata=metadata))
        checks = {entry.name: entry for entry in (*known.checks, *given.checks)}
        return self._stored(key, replace(known, checks=tuple(checks[name] for name in sorted(checks))))

    def _delete(self, command: Command) -> Outcome:
        name = service_of(command.key)
        if not self._is_there(command):
            return Rejected(status=400, message=f"specified service not exist, serviceName : {name}")
        gone = self._services.pop(command.key, None)
        instances = self._lists.remove(persistent_key(namespace_of(command.key), name))
        return Applied(changed=(*instances.changed, *(((command.key, None),) if gone else ())))

    def _is_there(self, command: Command) -> bool:
        lists_key = persistent_key(namespace_of(command.key), service_of(command.key))
        return command.listed or command.key in self._services or self._lists.get(lists_key) is not None

    def _stored(self, key: str, service: Service) -> Applied:
        self._services[key] = replace(service, clusters=())
        return Applied(changed=((key, self._services[key]),))
