"""The contract of consistency protocols (R1, R2, R5), one suite for AP and CP alike."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import pytest

from harness.ports import Reservations
from harness.waiting import wait_for
from nodecore.config import NodeConfig
from nodecore.consistency.distro import GROUP, DistroProtocol
from nodecore.consistency.metadata import LEADER, MEMBERS
from nodecore.consistency.protocol import (
    ConsistencyProtocol,
    CPRequestProcessor,
    ReadRequest,
    Response,
    WriteKind,
    WriteRequest,
)
from nodecore.core.events import ClientRequest
from nodecore.core.node import Node
from nodecore.core.records import Datum, Instance, Instances, Record
from nodecore.errors import BadRequest, NodeError
from tests.runtime import raft_members
from tests.runtime.scripted import ScriptedCore, config, running

KEY = "com.alibaba.nacos.naming.iplist.ephemeral.public##DEFAULT_GROUP@@a"
PERSISTENT_KEY = "com.alibaba.nacos.naming.iplist.public##DEFAULT_GROUP@@a"
RECORD = Instances((Instance(ip="10.0.0.1", port=80, service="DEFAULT_GROUP@@a"),))
PATIENCE_S = 30.0

Protocol = ConsistencyProtocol[NodeConfig, CPRequestProcessor]


@dataclass(frozen=True, slots=True)
class Served:
    """A protocol ready to be asked, with a group, a key and a record that it takes."""

    protocol: Protocol
    group: str
    key: str
    record: Record
    own: str
    newcomer: Callable[[], AbstractContextManager[str]]
    """Starts what has to run at the address of one more member, and gives the address."""


@contextmanager
def distro() -> Iterator[Served]:
    """Distro on a loaded lone node."""
    settings = config()
    with running(Node(settings), settings) as runtime:
        protocol = DistroProtocol(runtime)
        protocol.init(settings)
        yield Served(protocol, GROUP, KEY, RECORD, settings.address, lambda: nullcontext("127.0.0.1:1"))
        protocol.shutdown()


@contextmanager
def raft() -> Iterator[Served]:
    """Raft on a lone member that leads itself."""
    with raft_members.members(1) as group:
        raft_members.leader_of(group)
        (alone,) = group

        @contextmanager
        def newcomer() -> Iterator[str]:
            with Reservations() as ports:
                joined = raft_members.joining(group, ports.reserve(1)[0], never_stands=True)
                try:
                    yield joined.config.address
                finally:
                    joined.protocol.shutdown()

        own = alone.config.address
        yield Served(alone.protocol, raft_members.GROUP, PERSISTENT_KEY, RECORD, own, newcomer)


PROTOCOLS: dict[str, Callable[[], AbstractContextManager[Served]]] = {"distro": distro, "raft": raft}


@pytest.fixture(params=PROTOCOLS.values(), ids=PROTOCOLS.keys())
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    """Every implementation in turn."""
    with request.param() as made:
        yield made


class Recorder:
    """A request processor that remembers what it was told."""

    def __init__(self, group: str, fault: Exception | None = None) -> None:
        self.group = group
        self.applied: list[WriteRequest] = []
        self.errors: list[Exception] = []
        self.told = threading.Semaphore(0)
        self._fault = fault

    def on_request(self, request: ReadRequest) -> Response:
        if self._fault is not None:
            raise self._fault
        return Response(success=True, data=f"read {request.key}")

    def on_apply(self, request: WriteRequest) -> Response:
        self.applied.append(request)
        self.told.release()
        if self._fault is not None:
            raise self._fault
        return Response(success=True)

    def on_error(self, error: Exception) -> None:
        self.errors.append(error)
        self.told.release()

    def save_snapshot(self) -> bytes:
        return b""

    def load_snapshot(self, snapshot: bytes) -> None:
        assert snapshot == b""


def read(served: Served) -> object:
    return served.protocol.get_data(ReadRequest(group=served.group, key=served.key)).data


def put(served: Served) -> WriteRequest:
    return WriteRequest(group=served.group, key=served.key, data=served.record)


def remove(served: Served) -> WriteRequest:
    return WriteRequest(group=served.group, key=served.key, operation=WriteKind.REMOVE)


@pytest.mark.requirement("R1")
@pytest.mark.requirement("R2")
def test_what_was_written_is_read_until_it_is_removed(served: Served) -> None:
    """write and get_data, in their waiting forms."""
    assert read(served) is None
    assert served.protocol.write(put(served)) == Response(success=True)
    datum = read(served)
    assert isinstance(datum, Datum)
    assert (datum.key, datum.value) == (served.key, served.record)
    assert served.protocol.write(remove(served)).success
    assert read(served) is None


@pytest.mark.requirement("R1")
@pytest.mark.requirement("R2")
def test_the_async_forms_give_the_same_in_a_future(served: Served) -> None:
    """Nobody waits but who asks for the result."""
    assert served.protocol.write_async(put(served)).result(PATIENCE_S).success
    request = ReadRequest(group=served.group, key=served.key)
    datum = served.protocol.get_data_async(request).result(PATIENCE_S).data
    assert isinstance(datum, Datum)
    assert datum.value == served.record


@pytest.mark.requirement("R1")
def test_a_failed_submission_is_in_the_future_not_raised(served: Served) -> None:
    """No such group, nothing to put, and after shutdown; the waiting form raises it."""
    elsewhere = WriteRequest(group="no such group", key=served.key, data=served.record)
    nothing = WriteRequest(group=served.group, key=served.key)
    for request, sentence in ((elsewhere, "serves the group"), (nothing, "needs data")):
        error = served.protocol.write_async(request).exception(PATIENCE_S)
        assert isinstance(error, BadRequest)
        assert sentence in str(error)
        with pytest.raises(BadRequest, match=sentence):
            served.protocol.write(request)
    served.protocol.shutdown()
    stopped = served.protocol.get_data_async(ReadRequest(group=served.group, key=served.key))
    assert isinstance(stopped.exception(PATIENCE_S), NodeError)


@pytest.mark.requirement("R1")
def test_a_processor_applies_every_write_and_answers_reads(served: Served) -> None:
    """In the order of the writes, with the record or without one for a remove."""
    recorder = Recorder(served.group)
    served.protocol.add_request_processors([recorder])
    served.protocol.write(put(served))
    served.protocol.write(remove(served))
    assert recorder.told.acquire(timeout=PATIENCE_S)
    assert recorder.told.acquire(timeout=PATIENCE_S)
    assert [(w.key, w.operation, w.data) for w in recorder.applied] == [
        (served.key, WriteKind.PUT, served.record),
        (served.key, WriteKind.REMOVE, None),
    ]
    assert read(served) == f"read {served.key}"


@pytest.mark.requirement("R1")
def test_a_processor_learns_of_its_own_fault(served: Served) -> None:
    """And the one who read learns of it too; the write itself stands."""
    fault = RuntimeError("a processor's defect")
    recorder = Recorder(served.group, fault)
    served.protocol.add_request_processors([recorder])
    assert served.protocol.write(put(served)).success
    assert recorder.told.acquire(timeout=PATIENCE_S)
    assert recorder.told.acquire(timeout=PATIENCE_S)
    with pytest.raises(RuntimeError, match="a processor's defect"):
        served.protocol.get_data(ReadRequest(group=served.group, key=served.key))
    assert recorder.errors == [fault, fault]


@pytest.mark.requirement("R1")
@pytest.mark.requirement("R5")
@pytest.mark.requirement("R16")
def test_members_change_and_the_metadata_says_so(served: Served) -> None:
    """Who subscribed hears the present value and each later one, once."""
    heard: list[object] = []

    def observer(_group: str, _key: str, value: object) -> None:
        heard.append(value)

    metadata = served.protocol.protocol_metadata()
    with served.newcomer() as newcomer:
        both = tuple(sorted((served.own, newcomer)))
        metadata.subscribe(served.group, MEMBERS, observer)
        served.protocol.member_change([newcomer, served.own])
        served.protocol.member_change([served.own, newcomer])
        wait_for("both members", lambda: list(heard), lambda h: h == [(served.own,), both], PATIENCE_S)
        metadata.unsubscribe(served.group, MEMBERS, observer)
        served.protocol.member_change([served.own])
        wait_for(
            "one member",
            lambda: metadata.groups()[served.group][MEMBERS],
            lambda members: members == (served.own,),
            PATIENCE_S,
        )
        assert heard == [(served.own,), both]
        assert metadata.get(served.group, MEMBERS) == (served.own,)


@pytest.mark.requirement("R1")
def test_an_operators_command_is_executed_or_refused(served: Served) -> None:
    """`members` answers with the members; what is unknown is said to be."""
    assert served.protocol.execute({"command": "members"}).success
    unknown = served.protocol.execute({"command": "dance"})
    assert not unknown.success
    assert "unknown command 'dance'" in unknown.error_message


@pytest.mark.requirement("R2")
def test_an_ap_protocol_has_no_leader() -> None:
    """Distro implements APProtocol, which the original's does not; it names no leader."""
    with distro() as made:
        assert made.protocol.protocol_metadata().get(GROUP, LEADER) is None


@pytest.mark.requirement("R1")
def test_a_fault_of_the_core_is_in_the_future() -> None:
    """The exception of the submission itself, not a time-out."""

    def script(event: object) -> list[object]:
        if isinstance(event, ClientRequest):
            raise TypeError("a defect")
        return []

    with running(ScriptedCore(script)) as runtime:  # type: ignore[arg-type]
        protocol = DistroProtocol(runtime)
        protocol.init(config())
        write = protocol.write_async(WriteRequest(group=GROUP, key=KEY, data=RECORD))
        assert isinstance(write.exception(PATIENCE_S), TypeError)
