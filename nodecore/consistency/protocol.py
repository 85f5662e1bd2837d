"""What a consistency protocol is (R1, R2): one interface for AP and CP, generic in its configuration and
its request processor.

After `ConsistencyProtocol`, `APProtocol` and `CPProtocol` of the documents. Invariant: the async forms never
raise; their Future carries the answer or the exception of a failed submission.
"""

from collections.abc import Collection, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from nodecore.consistency.metadata import ProtocolMetadata
from nodecore.core.records import Metadata, Record


class WriteKind(StrEnum):
    """What a write does to its key."""

    PUT = "put"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRequest:
    """Asks for the datum of a key; `group` says whose processor serves it."""

    group: str
    key: str
    extend_info: Metadata = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRequest:
    """Changes or removes the record of a key."""

    group: str
    key: str
    data: Record | None = None
    operation: WriteKind = WriteKind.PUT
    extend_info: Metadata = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What became of a request; `error_message` says why not when `success` is false."""

    success: bool
    data: object = None
    error_message: str = ""
    status: int = 200
    """The HTTP status that would say the same."""


class RequestProcessor(Protocol):
    """What the protocol calls in its group: to answer a read, and to apply what was written anywhere."""

    @property
    def group(self) -> str:
        """The group that it serves."""
        ...

    def on_request(self, request: ReadRequest) -> Response:
        """Answer a read on this node."""
        ...

    def on_apply(self, request: WriteRequest) -> Response:
        """Apply a write, whichever node it was asked of; in order, from one thread."""
        ...

    def on_error(self, error: Exception) -> None:
        """Learn that `on_apply` or `on_request` raised."""
        ...


class APRequestProcessor(RequestProcessor, Protocol):
    """A processor for an AP protocol."""


class CPRequestProcessor(RequestProcessor, Protocol):
    """A processor for a CP protocol: it can also save and load a snapshot."""

    def save_snapshot(self) -> bytes:
        """Return everything applied so far."""
        ...

    def load_snapshot(self, snapshot: bytes) -> None:
        """Replace everything by a snapshot."""
        ...


ConfigT_contra = TypeVar("ConfigT_contra", contravariant=True)
ProcessorT_contra = TypeVar("ProcessorT_contra", bound=RequestProcessor, contravariant=True)


class ConsistencyProtocol(Protocol[ConfigT_contra, ProcessorT_contra]):
    """Reads and writes among members (R1)."""

    def init(self, config: ConfigT_contra) -> None:
        """Start serving as this configuration says."""
        ...

    def add_request_processors(self, processors: Collection[ProcessorT_contra]) -> None:
        """Have these serve their groups; one group has one processor, the later one wins."""
        ...

    def protocol_metadata(self) -> ProtocolMetadata:
        """Return leader, term and members of each group, as far as the protocol has such (R5)."""
        ...

    def get_data(self, request: ReadRequest) -> Response:
        """Read.

        Raises:
            NodeError: the request could not be submitted.
        """
        ...

    def get_data_async(self, request: ReadRequest) -> Future[Response]:
        """Read without waiting."""
        ...

    def write(self, request: WriteRequest) -> Response:
        """Write and wait for the outcome.

        Raises:
            NodeError: the request could not be submitted.
        """
        ...

    def write_async(self, request: WriteRequest) -> Future[Response]:
        """Write without waiting."""
        ...

    def member_change(self, addresses: Collection[str]) -> None:
        """Go on with these members, each `ip:port`; who joined and who left is the protocol's business."""
        ...

    def shutdown(self) -> None:
        """Take no more requests."""
        ...

    def execute(self, commands: Mapping[str, str]) -> Response:
        """Run an operator's command: `{"command": NAME, ...}`."""
        ...


class APProtocol(ConsistencyProtocol[ConfigT_contra, ProcessorT_contra], Protocol):
    """A protocol that stays available on every side of a partition (R2)."""


class CPProtocol(ConsistencyProtocol[ConfigT_contra, ProcessorT_contra], Protocol):
    """A protocol that stays consistent; only a majority writes (R2, R3)."""

    def is_leader(self, group: str) -> bool:
        """Tell whether this node leads that group."""
        ...
