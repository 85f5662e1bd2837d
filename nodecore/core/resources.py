"""What Distro must know of a type of data, as plain data (R8): storage, processor, transport, failed tasks.

Snapshot and verify walk the types a node was given; nothing else names a type. Invariant: what
`process` returns is canonical, so that equal contents are equal values.
"""

from collections.abc import Callable
from dataclasses import dataclass

from nodecore.config import Timings
from nodecore.core.checksum import checksum
from nodecore.core.keys import INSTANCES_PREFIX, is_ephemeral, service_of
from nodecore.core.messages import PeerMessage, Pull, SyncData, SyncDelete
from nodecore.core.records import Datum, Instance, InstanceId, Instances, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    """One type of data, told by the prefix of its keys."""

    prefix: str
    accepts: Callable[[str, Record], bool]
    """Storage: whether this key and record may be stored."""
    service_of: Callable[[str], str]
    """What the owner of a key is computed from."""
    process: Callable[[Record], Record]
    """Processor: what is stored of a record that was put here or came from a peer."""
    checksum: Callable[[Record], str]
    """What verify compares."""
    changes: Callable[[tuple[Datum, ...]], PeerMessage]
    """Transport: the message that carries current datums."""
    deletes: Callable[[tuple[str, ...]], PeerMessage]
    """Transport: the message that deletes keys."""
    pull: Callable[[tuple[str, ...]], PeerMessage]
    """Transport: the message that asks for datums."""
    retry_s: Callable[[Timings], float]
    """Failed-task handling: how long after a failed transmission the next one goes out."""


def canonical(instances: Instances) -> Instances:
    """Return the list in order of identity, the last entry of each identity only."""
    by_identity: dict[InstanceId, Instance] = {entry.identity: entry for entry in instances.instances}
    return Instances(tuple(by_identity[identity] for identity in sorted(by_identity)))


def _accepts(key: str, record: Record) -> bool:
    return is_ephemeral(key) and isinstance(record, Instances)


def _process(record: Record) -> Record:
    return canonical(record) if isinstance(record, Instances) else record


def _checksum(record: Record) -> str:
    return checksum(record) if isinstance(record, Instances) else ""


def _retry_s(timings: Timings) -> float:
    return timings.sync_retry_s


EPHEMERAL_INSTANCES = ResourceType(
    prefix=INSTANCES_PREFIX,
    accepts=_accepts,
    service_of=service_of,
    process=_process,
    checksum=_checksum,
    changes=SyncData,
    deletes=SyncDelete,
    pull=Pull,
    retry_s=_retry_s,
)

RESOURCE_TYPES: tuple[ResourceType, ...] = (EPHEMERAL_INSTANCES,)
