"""Persistent keys, on CP: what users of `ConsistencyService` see of it (R4).

Invariant: what `put` and `remove` confirmed is on a majority's logs; `get` is linearizable. Whether CP has a
leader is nobody's business but that of its own keys.
"""

from nodecore.config import NodeConfig
from nodecore.consistency.metadata import LEADER
from nodecore.consistency.protocol import (
    CPProtocol,
    CPRequestProcessor,
    ReadRequest,
    Response,
    WriteKind,
    WriteRequest,
)
from nodecore.core.commands import INSTANCES_GROUP, METADATA_GROUP, SWITCH_GROUP
from nodecore.core.keys import SWITCH_KEY, is_metadata
from nodecore.core.records import Datum, Record
from nodecore.errors import BadRequest, NotFound
from nodecore.runtime.listeners import Listener, Listeners


class PersistentConsistencyService:
    """Fulfils `ConsistencyService`.

    Args:
        protocol: where reads and writes go.
        listeners: who is told of changes.
    """

    def __init__(self, protocol: CPProtocol[NodeConfig, CPRequestProcessor], listeners: Listeners) -> None:
        self._protocol = protocol
        self._listeners = listeners

    def put(self, key: str, value: Record) -> None:
        """Store a record on a majority.

        Raises:
            NoLeader: nothing was stored.
            OutcomeUnknown: it may or may not be stored.
        """
        _checked(self._protocol.write(WriteRequest(group=group_of(key), key=key, data=value)))

    def remove(self, key: str) -> None:
        """Remove a record from a majority; raises as `put` does."""
        request = WriteRequest(group=group_of(key), key=key, operation=WriteKind.REMOVE)
        _checked(self._protocol.write(request))

    def get(self, key: str) -> Datum | None:
        """Return what a majority holds; raises as `put` does."""
        datum = _checked(self._protocol.get_data(ReadRequest(group=group_of(key), key=key))).data
        return datum if isinstance(datum, Datum) else None

    def listen(self, key: str, listener: Listener) -> None:
        """Call `listener` on every change and delete of the key that is applied on this node."""
        self._listeners.listen(key, listener)

    def unlisten(self, key: str, listener: Listener) -> None:
        """Stop calling it."""
        self._listeners.unlisten(key, listener)

    def error_message(self) -> str | None:
        """Return why CP takes nothing: it knows of no leader."""
        groups = self._protocol.protocol_metadata().groups()
        if any(values.get(LEADER) is not None for values in groups.values()):
            return None
        return "no leader in this partition: persistent data can be neither written nor read, but stale"

    def is_available(self) -> bool:
        """Tell whether there is a leader."""
        return self.error_message() is None


def group_of(key: str) -> str:
    """Return the group that serves a key."""
    if key == SWITCH_KEY:
        return SWITCH_GROUP
    return METADATA_GROUP if is_metadata(key) else INSTANCES_GROUP


def _checked(response: Response) -> Response:
    if not response.success:
        error = NotFound if response.status == 404 else BadRequest
        raise error(response.error_message)
    return response
