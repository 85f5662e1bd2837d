"""Calls between members: lanes that do not wait for each other, forwards within bounds, what is logged."""

import io
import queue
import threading
from typing import Self

import pytest

from nodecore.core.answers import Member, MemberState, Refused, Relayed
from nodecore.core.events import Call, CallFailed, CallReturned, Lane
from nodecore.core.messages import (
    Accepted,
    Failure,
    FetchSnapshot,
    Forward,
    ForwardAnswer,
    NotLoadedAnswer,
    Report,
    ReportAnswer,
    SyncDelete,
)
from nodecore.core.operations import DeregisterInstance
from nodecore.runtime.counts import Counts
from nodecore.runtime.logs import NodeLog
from nodecore.runtime.peers import Peers
from tests.doubles.peer import Behaviour, answering, peer, read_request, whole
from tests.runtime.scripted import config

OTHER = "127.0.0.1:9"
REPORT = Report(Member(address="127.0.0.1:8848", state=MemberState.UP))
REPORT_TAKEN = whole(b'{"code":200,"message":null,"data":"true"}')
DEREGISTRATION = DeregisterInstance(
    namespace="public", service="G@@a", ip="10.0.0.1", port=80, cluster="DEFAULT"
)
PATIENCE_S = 5.0


class Caller:
    """Peers with one member at a scripted link, and what they delivered."""

    def __init__(self, link: str, **changes: object) -> None:
        self.outcomes: queue.Queue[CallReturned | CallFailed] = queue.Queue()
        self.log = io.StringIO()
        settings = config(dial=((OTHER, link),), **changes)
        self._peers = Peers(settings, NodeLog("s1", "debug", self.log), self.outcomes.put, Counts())
        self._ids = iter(range(1, 100))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._peers.close()

    def call(self, message: object, lane: Lane = Lane.CONTROL, timeout_s: float = PATIENCE_S) -> None:
        call_id = next(self._ids)
        self._peers.send(
            Call(call_id=call_id, target=OTHER, message=message, lane=lane, timeout_s=timeout_s)  # type: ignore[arg-type]
        )

    def outcome(self) -> CallReturned | CallFailed:
        return self.outcomes.get(timeout=PATIENCE_S)


def test_a_member_is_dialled_at_its_link_under_its_name() -> None:
    """The dial map leads to the link; headers say who calls; both ends log the same call id."""
    seen: list[bytes] = []

    def behave(connection: object) -> None:
        seen.append(read_request(connection))  # type: ignore[arg-type]
        connection.sendall(REPORT_TAKEN)  # type: ignore[attr-defined]

    with peer(behave) as link, Caller(link, identity_header="X-Who", identity_value="us") as caller:
        caller.call(REPORT)
        assert caller.outcome() == CallReturned(1, ReportAnswer(known=True))
        log = caller.log.getvalue()
    for header in (
        b"User-Agent: Nacos-Server:1.4.2",
        b"Client-Version: 1.4.2",
        b"X-Call-Id: s1-1",
        b"Request-Source: 127.0.0.1:8848",
        b"X-Who: us",
    ):
        assert header in seen[0]
    assert "event=call_sent call_id=s1-1 source=127.0.0.1:8848 target=127.0.0.1:9 kind=Report" in log
    assert log.startswith("monotonic=")


def test_a_report_does_not_wait_behind_a_silent_sync() -> None:
    """Control and data have a connection and a thread each: the report is answered first."""

    def answers_reports_only(connection: object) -> None:
        if b"/core/cluster/report" in read_request(connection):  # type: ignore[arg-type]
            connection.sendall(REPORT_TAKEN)  # type: ignore[attr-defined]

    with peer(answers_reports_only, answers_reports_only) as link, Caller(link) as caller:
        caller.call(SyncDelete(("k",)), Lane.DATA, timeout_s=60.0)
        caller.call(REPORT, Lane.CONTROL)
        assert caller.outcome() == CallReturned(2, ReportAnswer(known=True))


def test_calls_of_one_lane_leave_in_order() -> None:
    """A delete must not overtake the change before it."""
    with peer(answering(whole(b"ok"), whole(b"ok"), whole(b"ok"))) as link, Caller(link) as caller:
        for key in ("a", "b", "c"):
            caller.call(SyncDelete((key,)), Lane.DATA)
        assert [caller.outcome() for _ in range(3)] == [CallReturned(i, Accepted()) for i in (1, 2, 3)]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (whole(b"ok"), Accepted()),
        (whole(b""), Failure.GARBLED),
        (whole(b"<html>hello</html>"), Failure.GARBLED),
        (whole(b'{"loaded":false}', b"503 Service Unavailable"), NotLoadedAnswer()),
        (whole(b"no such api", b"404 Not Found"), Refused(status=404, message="no such api")),
        (
            whole(b"", b"500 Oops"),
            Refused(status=500, message="status 500 without a sentence", definite=False),
        ),
    ],
)
@pytest.mark.requirement("R12")
def test_what_a_peer_says_to_a_delete(answer: bytes, expected: object) -> None:
    """Only `ok` is ok; a foreign peer's 404 reaches the core as what it is."""
    with peer(answering(answer)) as link, Caller(link) as caller:
        caller.call(SyncDelete(("k",)), Lane.DATA)
        outcome = caller.outcome()
    assert (outcome.failure if isinstance(outcome, CallFailed) else outcome.answer) == expected


@pytest.mark.requirement("R14")
def test_an_empty_snapshot_from_a_cut_connection_is_no_snapshot() -> None:
    """A 200 whose headers were cut must not look like a peer without data."""
    with peer(answering(b"HTTP/1.1 200 OK\r\nContent-Type: app")) as link, Caller(link) as caller:
        caller.call(FetchSnapshot(), Lane.DATA)
        assert caller.outcome() == CallFailed(1, Failure.GARBLED)


@pytest.mark.requirement("R10")
def test_a_forward_brings_the_answer_as_it_was() -> None:
    """Status and body of the responsible node reach the client unchanged."""
    with peer(answering(whole(b"no", b"400 Bad Request"))) as link, Caller(link) as caller:
        caller.call(Forward(DEREGISTRATION), Lane.FORWARD)
        outcome = caller.outcome()
    assert isinstance(outcome, CallReturned)
    assert isinstance(outcome.answer, ForwardAnswer)
    relayed = outcome.answer.answer
    assert isinstance(relayed, Relayed)
    assert (relayed.status, relayed.body) == (400, b"no")


@pytest.mark.requirement("R10")
def test_half_of_the_client_threads_may_wait_for_a_forward_and_the_next_is_told() -> None:
    """With four threads two may wait; the third request gets a definite 503 at once."""
    waiting = threading.Barrier(3)
    let_go = threading.Event()

    def hold(connection: object) -> None:
        def wait() -> None:
            read_request(connection)  # type: ignore[arg-type]
            waiting.wait(PATIENCE_S)
            let_go.wait(PATIENCE_S)
            connection.sendall(whole(b"ok"))  # type: ignore[attr-defined]

        thread = threading.Thread(target=wait)
        thread.start()
        holders.append(thread)

    holders: list[threading.Thread] = []
    behaviours: list[Behaviour] = [hold, hold]
    limits = config().limits
    small = type(limits)(client_threads=4)
    with peer(*behaviours) as link, Caller(link, limits=small) as caller:
        caller.call(Forward(DEREGISTRATION), Lane.FORWARD)
        caller.call(Forward(DEREGISTRATION), Lane.FORWARD)
        waiting.wait(PATIENCE_S)
        caller.call(Forward(DEREGISTRATION), Lane.FORWARD)
        refused = caller.outcome()
        let_go.set()
        answered = [caller.outcome(), caller.outcome()]
        for thread in holders:
            thread.join(PATIENCE_S)
    assert isinstance(refused, CallReturned)
    assert isinstance(refused.answer, ForwardAnswer)
    refusal = refused.answer.answer
    assert isinstance(refusal, Refused)
    assert (refused.call_id, refusal.status, refusal.definite) == (3, 503, True)
    assert "2 requests already wait for a forward" in refusal.message
    assert {o.call_id for o in answered} == {1, 2}


@pytest.mark.parametrize("lane", [Lane.DATA, Lane.FORWARD])
def test_a_stopping_node_abandons_the_call_that_it_waits_for(lane: Lane) -> None:
    """Its peer is silent and the call has a minute; closing ends it at once and delivers nothing after."""
    asked = threading.Event()

    def silent(connection: object) -> None:
        read_request(connection)  # type: ignore[arg-type]
        asked.set()
        read_request(connection)  # type: ignore[arg-type]

    with peer(silent) as link, Caller(link) as caller:
        message = Forward(DEREGISTRATION) if lane is Lane.FORWARD else SyncDelete(("k",))
        caller.call(message, lane, timeout_s=60.0)
        assert asked.wait(PATIENCE_S)
    delivered = [] if caller.outcomes.empty() else [caller.outcome()]
    assert [type(o) for o in delivered] in ([], [CallFailed])
