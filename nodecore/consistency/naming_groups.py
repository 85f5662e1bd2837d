"""The three groups of CP as request processors: the core's state machines behind the documents' interface.

Invariant: a command is what the log carries, `WriteRequest`s with their kind in `extend_info`, and back; what
was applied is told to the core before the one who asked is answered.
"""

import json
import threading
from collections.abc import Callable, Iterable
from typing import Protocol

from nodecore.consistency.protocol import (
    CPRequestProcessor,
    ReadRequest,
    Response,
    WriteKind,
    WriteRequest,
)
from nodecore.core.commands import (
    Applied,
    ChangedSwitches,
    Command,
    Held,
    Kind,
    Outcome,
    Query,
    Rejected,
)
from nodecore.core.events import RecordsApplied, RecordsRestored
from nodecore.core.persistent import PersistentLists
from nodecore.core.plain import held_of, plain
from nodecore.core.records import Datum, Record
from nodecore.core.service_records import ServiceRecords
from nodecore.core.switch_record import SwitchRecord

KIND, FIELDS, ALL, LISTED = "kind", "fields", "all_instances", "listed"
"""Names in `extend_info`. A request without them puts or removes a record whole, as users of R4 do."""

Tell = Callable[[RecordsApplied | RecordsRestored], None]


class Machine(Protocol):
    """A state machine of the core."""

    @property
    def group(self) -> str:
        """The group that it serves."""
        ...

    def get(self, key: str) -> Held | None:
        """Return the record of a key."""
        ...

    def records(self) -> tuple[tuple[str, Held], ...]:
        """Return everything."""
        ...

    def restore(self, records: Iterable[tuple[str, Held]]) -> None:
        """Hold exactly these."""
        ...

    def apply(self, command: Command) -> Outcome:
        """Do what a command says."""
        ...


class NamingGroup:
    """Fulfils `CPRequestProcessor`.

    Args:
        machine: what the group's commands are applied to.
        lock: of all machines, for a stale read comes from another thread than the log.
        tell: told of everything that is applied or restored, in that order.
    """

    def __init__(self, machine: Machine, lock: threading.Lock, tell: Tell) -> None:
        self._machine = machine
        self._lock = lock
        self._tell = tell

    @property
    def group(self) -> str:
        """The group that it serves."""
        return self._machine.group

    def on_request(self, request: ReadRequest) -> Response:
        """Answer with the datum of a key, None when there is none."""
        with self._lock:
            held = self._machine.get(request.key)
        value = held.switches if isinstance(held, ChangedSwitches) else held
        return Response(success=True, data=None if value is None else Datum(key=request.key, value=value))

    def on_apply(self, request: WriteRequest) -> Response:
        """Apply a command; `data` of the answer is what the client is to be told."""
        with self._lock:
            outcome = self._machine.apply(command_of(request))
        match outcome:
            case Applied(changed=changed, value=value):
                if changed:
                    self._tell(RecordsApplied(changed))
                return Response(success=True, data=value)
            case Rejected(status=status, message=message):
                return Response(success=False, error_message=message, status=status)

    def on_error(self, error: Exception) -> None:
        """A fault here is a defect, and whoever calls this has logged it."""

    def save_snapshot(self) -> bytes:
        """Return everything as JSON."""
        with self._lock:
            records = self._machine.records()
        return json.dumps({key: plain(held) for key, held in records}, ensure_ascii=False).encode()

    def load_snapshot(self, snapshot: bytes) -> None:
        """Replace everything by a snapshot."""
        records = tuple((key, held_of(given)) for key, given in sorted(json.loads(snapshot).items()))
        with self._lock:
            self._machine.restore(records)
        self._tell(RecordsRestored(group=self.group, records=records))


def naming_groups(tell: Tell) -> list[CPRequestProcessor]:
    """Return the processors of all groups; they follow one log and know of each other."""
    lists = PersistentLists()
    lock = threading.Lock()
    machines: tuple[Machine, ...] = (lists, ServiceRecords(lists), SwitchRecord())
    return [NamingGroup(machine, lock, tell) for machine in machines]


def read_request(query: Query, consistency: str) -> ReadRequest:
    """Return the request that asks CP for a record."""
    return ReadRequest(group=query.group, key=query.key, extend_info=(("consistency", consistency),))


def write_request(command: Command) -> WriteRequest:
    """Return the request that has CP do a command."""
    said = {KIND: command.kind.value, FIELDS: ",".join(command.fields)}
    flags = {ALL: command.all_instances, LISTED: command.listed}
    said |= {name: "true" for name, is_set in flags.items() if is_set}
    return WriteRequest(
        group=command.group,
        key=command.key,
        data=command.record,
        operation=WriteKind.REMOVE if command.record is None else WriteKind.PUT,
        extend_info=tuple((name, value) for name, value in said.items() if value),
    )


def command_of(request: WriteRequest) -> Command:
    """Return the command that a request carries.

    Raises:
        ValueError: its kind is none.
    """
    said = dict(request.extend_info)
    fields = said.get(FIELDS, "")
    return Command(
        group=request.group,
        key=request.key,
        kind=Kind(said.get(KIND, request.operation.value)),
        record=request.data,
        fields=tuple(fields.split(",")) if fields else (),
        all_instances=said.get(ALL) == "true",
        listed=said.get(LISTED) == "true",
    )


def told(response: Response) -> Record | None:
    """Return the record that CP answered with: that of a read, or what a command changed."""
    data = response.data
    return data.value if isinstance(data, Datum) else data  # type: ignore[return-value]
