"""Members of one Raft in one process: real connections on loopback, no links and no HTTP."""

import io
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from harness.ports import Reservations
from harness.waiting import wait_for
from nodecore.config import Limits, NodeConfig, Timings
from nodecore.consistency.protocol import ReadRequest, Response, WriteKind, WriteRequest
from nodecore.core.records import Datum, Instance, Instances
from nodecore.errors import NoLeader, OutcomeUnknown
from nodecore.raft.protocol import RaftProtocol
from nodecore.raft.record_store import RecordStore
from nodecore.runtime.arrivals import Arrivals
from nodecore.runtime.counts import Counts
from nodecore.runtime.logs import NodeLog
from nodecore.web.server import bind

GROUP = "naming_persistent_service"
PATIENCE_S = 30.0
"""Of a machine that is busy with other tests; elections take a quarter of a second."""
SECRET = "of these tests"

NEVER_STANDS = Timings(raft_election_min_s=10_000, raft_election_max_s=10_001, raft_connection_s=10_002)
"""For a follower that is to stay one."""

_T = TypeVar("_T")


class GatedStore(RecordStore):
    """Applies nothing while its gate is closed: Raft's thread waits there, as if the process were paused."""

    def __init__(self, group: str) -> None:
        super().__init__(group)
        self.gate = threading.Event()
        self.gate.set()
        self.waits = threading.Event()

    def on_apply(self, request: WriteRequest) -> Response:
        if not self.gate.is_set():
            self.waits.set()
            assert self.gate.wait(PATIENCE_S)
        return super().on_apply(request)


@dataclass(slots=True)
class Member:
    """One member, that can be stopped and started again with what its folder holds."""

    config: NodeConfig
    protocol: RaftProtocol
    store: GatedStore
    log: io.StringIO
    counts: Counts
    arrivals: Arrivals

    def put(self, key: str, port: int) -> None:
        """Write until it is acknowledged: on a busy machine a leader may be elected at any moment."""
        _insist(lambda: self.try_to_put(key, port))

    def try_to_put(self, key: str, port: int) -> Response:
        return self.protocol.write(WriteRequest(group=GROUP, key=key, data=record(port)))

    def remove(self, key: str) -> None:
        request = WriteRequest(group=GROUP, key=key, operation=WriteKind.REMOVE)
        _insist(lambda: self.protocol.write(request))

    def get(self, key: str) -> int | None:
        """Read, linearizably, until there is an answer."""
        return _insist(lambda: self.try_to_get(key))

    def try_to_get(self, key: str, consistency: str = "linearizable") -> int | None:
        """The port that was stored under a key."""
        request = ReadRequest(group=GROUP, key=key, extend_info=(("consistency", consistency),))
        datum = self.protocol.get_data(request).data
        if datum is None:
            return None
        assert isinstance(datum, Datum)
        assert isinstance(datum.value, Instances)
        return datum.value.instances[0].port

    def leads(self) -> bool:
        return self.protocol.is_leader(GROUP)


def _insist(act: Callable[[], _T]) -> _T:
    return wait_for("Raft's answer", lambda: (act(),), bool, PATIENCE_S, tolerate=(NoLeader, OutcomeUnknown))[
        0
    ]


def record(port: int) -> Instances:
    return Instances((Instance(ip="10.0.0.1", port=port, service="DEFAULT_GROUP@@a"),))


def leader_of(members: Sequence[Member]) -> Member:
    """Wait until one leads and all of these know it."""

    def agreed() -> Member | None:
        known = {member.protocol.status().leader for member in members}
        leaders = [member for member in members if member.leads() and known == {member.config.address}]
        return leaders[0] if leaders else None

    found = wait_for("one leader that all know", agreed, lambda leader: leader is not None, PATIENCE_S)
    assert found is not None
    return found


def start(config: NodeConfig) -> Member:
    """Start a member on the port that its configuration names."""
    assert config.raft_port is not None
    stream = io.StringIO()
    store, counts, arrivals = GatedStore(GROUP), Counts(), Arrivals(16)
    bound = bind("127.0.0.1", config.raft_port)
    protocol = RaftProtocol(bound, NodeLog(config.name, "info", stream), counts, arrivals)
    protocol.add_request_processors([store])
    protocol.init(config)
    return Member(config, protocol, store, stream, counts, arrivals)


def configs(
    reserved: Sequence[str], folder: Path | None = None, compact_entries: int = 5000
) -> list[NodeConfig]:
    """The configurations of members that know each other; without a folder they are in memory.

    Args:
        reserved: where each listens, `ip:port`.
        folder: each has one of its own in it.
        compact_entries: the log is compacted when it is so long.
    """
    addresses = [f"127.0.0.1:{10_001 + number}" for number in range(len(reserved))]
    ways = tuple(zip(addresses, reserved, strict=True))
    return [
        NodeConfig(
            name=f"s{number + 1}",
            address=address,
            members=tuple(addresses),
            raft_port=int(place.rpartition(":")[2]),
            raft_dial=ways,
            data_dir=None if folder is None else str(folder / f"s{number + 1}"),
            identity_header="X-Member",
            identity_value=SECRET,
            time_scale=0.05,
            limits=Limits(raft_compact_entries=compact_entries),
        )
        for number, (address, place) in enumerate(ways)
    ]


def joining(
    existing: Sequence[Member], place: str, folder: Path | None = None, *, never_stands: bool = False
) -> Member:
    """Start one more member, that knows all and that nobody knows yet, at a reserved place."""
    like = existing[0].config
    address = f"127.0.0.1:{10_001 + len(existing)}"
    config = replace(
        like,
        name=f"s{len(existing) + 1}",
        address=address,
        members=(*like.members, address),
        raft_port=int(place.rpartition(":")[2]),
        raft_dial=(*like.raft_dial, (address, place)),
        data_dir=None if folder is None else str(folder / "joining"),
        raft_join=True,
        timings=NEVER_STANDS if never_stands else like.timings,
    )
    for member in existing:
        member.protocol.dial({address: place})
    return start(config)


@contextmanager
def members(count: int, folder: Path | None = None, compact_entries: int = 5000) -> Iterator[list[Member]]:
    """That many started members; a member that is replaced in the list is the caller's to stop."""
    with Reservations() as ports:
        started = [start(config) for config in configs(ports.reserve(count), folder, compact_entries)]
        try:
            yield started
        finally:
            for member in started:
                member.store.gate.set()
                member.protocol.shutdown()
