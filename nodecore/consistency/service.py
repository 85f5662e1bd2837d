"""What users of consistency see (R4): put, remove, get, listen, and whether it is available.

Invariant: the caller does not know which protocol serves a key; what cannot be done raises a `NodeError`.
"""

from typing import Protocol

from nodecore.config import NodeConfig
from nodecore.consistency.distro import GROUP
from nodecore.consistency.protocol import (
    APProtocol,
    APRequestProcessor,
    ReadRequest,
    Response,
    WriteKind,
    WriteRequest,
)
from nodecore.core.keys import is_ephemeral
from nodecore.core.records import Datum, Record
from nodecore.errors import BadRequest, NodeError, NotFound, NotImplementedYet, NotLoaded
from nodecore.runtime.listeners import Listener, Listeners

PERSISTENT_REASON = (
    "persistent data needs the CP protocol, and this node was started without it: --raft-port N gives it CP; "
    "ephemeral instances (ephemeral=true) are served"
)


class ConsistencyService(Protocol):
    """Users' view of a consistency protocol (R4)."""

    def put(self, key: str, value: Record) -> None:
        """Store a record.

        Raises:
            NodeError: it was not stored.
        """
        ...

    def remove(self, key: str) -> None:
        """Remove a record; one that is not there is no error.

        Raises:
            NodeError: it was not removed.
        """
        ...

    def get(self, key: str) -> Datum | None:
        """Return the datum of a key, None when there is none.

        Raises:
            NodeError: it cannot be read here.
        """
        ...

    def listen(self, key: str, listener: Listener) -> None:
        """Call `listener` on every change and delete of the key, in order (R7)."""
        ...

    def unlisten(self, key: str, listener: Listener) -> None:
        """Stop calling it."""
        ...

    def error_message(self) -> str | None:
        """Return why the service is not available, None when it is."""
        ...

    def is_available(self) -> bool:
        """Tell whether reads and writes are taken."""
        ...


class EphemeralConsistencyService:
    """Ephemeral keys, on Distro.

    Args:
        protocol: where reads and writes go.
        listeners: who is told of changes.
    """

    def __init__(self, protocol: APProtocol[NodeConfig, APRequestProcessor], listeners: Listeners) -> None:
        self._protocol = protocol
        self._listeners = listeners

    def put(self, key: str, value: Record) -> None:
        """Store a record here; the other members follow (R11)."""
        _checked(self._protocol.write(WriteRequest(group=GROUP, key=key, data=value)))

    def remove(self, key: str) -> None:
        """Remove a record here; the other members follow (R12)."""
        _checked(self._protocol.write(WriteRequest(group=GROUP, key=key, operation=WriteKind.REMOVE)))

    def get(self, key: str) -> Datum | None:
        """Return what this node holds."""
        datum = _checked(self._protocol.get_data(ReadRequest(group=GROUP, key=key))).data
        return datum if isinstance(datum, Datum) else None

    def listen(self, key: str, listener: Listener) -> None:
        """Call `listener` on every change and delete of the key."""
        self._listeners.listen(key, listener)

    def unlisten(self, key: str, listener: Listener) -> None:
        """Stop calling it."""
        self._listeners.unlisten(key, listener)

    def error_message(self) -> str | None:
        """Return why Distro does not serve: not loaded, not initialised."""
        try:
            response = self._protocol.execute({"command": "members"})
        except NodeError as error:
            return str(error)
        return None if response.success else response.error_message

    def is_available(self) -> bool:
        """Tell whether Distro serves."""
        return self.error_message() is None


class AbsentPersistentService:
    """Stands for the persistent service on a node without CP: it says no, why, and how to get it."""

    def put(self, key: str, value: Record) -> None:  # noqa: ARG002
        """Refuse."""
        raise _refusal(key)

    def remove(self, key: str) -> None:
        """Refuse."""
        raise _refusal(key)

    def get(self, key: str) -> Datum | None:
        """Refuse."""
        raise _refusal(key)

    def listen(self, key: str, listener: Listener) -> None:  # noqa: ARG002
        """Refuse."""
        raise _refusal(key)

    def unlisten(self, key: str, listener: Listener) -> None:  # noqa: ARG002
        """Refuse."""
        raise _refusal(key)

    def error_message(self) -> str | None:
        """Return the reason."""
        return PERSISTENT_REASON

    def is_available(self) -> bool:
        """Never."""
        return False


class DelegateConsistencyService:
    """Chooses by key: ephemeral instance lists to the one, everything else to the other.

    AP stays available when CP is not (Nacos ties them together, we do not: R4).
    """

    def __init__(self, ephemeral: ConsistencyService, persistent: ConsistencyService) -> None:
        self._ephemeral = ephemeral
        self._persistent = persistent

    def put(self, key: str, value: Record) -> None:
        """Store a record where its key belongs."""
        self._of(key).put(key, value)

    def remove(self, key: str) -> None:
        """Remove a record where its key belongs."""
        self._of(key).remove(key)

    def get(self, key: str) -> Datum | None:
        """Read a datum where its key belongs."""
        return self._of(key).get(key)

    def listen(self, key: str, listener: Listener) -> None:
        """Listen where the key belongs."""
        self._of(key).listen(key, listener)

    def unlisten(self, key: str, listener: Listener) -> None:
        """Stop listening where the key belongs."""
        self._of(key).unlisten(key, listener)

    def error_message(self) -> str | None:
        """Return what the ephemeral side says: the persistent side's trouble is told by its own keys."""
        return self._ephemeral.error_message()

    def is_available(self) -> bool:
        """Tell whether the ephemeral side serves."""
        return self._ephemeral.is_available()

    def _of(self, key: str) -> ConsistencyService:
        return self._ephemeral if is_ephemeral(key) else self._persistent


_ERRORS: dict[int, type[NodeError]] = {404: NotFound, 501: NotImplementedYet, 503: NotLoaded}


def _refusal(key: str) -> NotImplementedYet:
    return NotImplementedYet(f"{key}: {PERSISTENT_REASON}")


def _checked(response: Response) -> Response:
    if not response.success:
        raise _ERRORS.get(response.status, BadRequest)(response.error_message)
    return response
