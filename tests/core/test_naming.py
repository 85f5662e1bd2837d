"""What clients are answered: routing, beats, their judgement, services, records (R4, R10, R18, R25-R27)."""

from dataclasses import replace

import pytest

from nodecore.config import NodeConfig
from nodecore.core.events import Lane, PeerReply, PeerRequest, Reply
from nodecore.core.messages import (
    Failure,
    Forward,
    ForwardAnswer,
    NotLoadedAnswer,
    Report,
    ReportAnswer,
    SyncData,
    SyncDelete,
    Verify,
)
from nodecore.core.node import Node
from nodecore.core.operations import (
    Answer,
    Beat,
    BeatAnswer,
    CreateService,
    DeleteService,
    DeregisterInstance,
    Done,
    FindResponsible,
    GetInstance,
    GetService,
    InstanceAnswer,
    InstancesAnswer,
    ListInstances,
    MembersAnswer,
    PutRecord,
    ReadMembers,
    ReadRecord,
    RecordAnswer,
    Refused,
    RegisterInstance,
    Relayed,
    RemoveRecord,
    ResponsibleAnswer,
    ServiceAnswer,
)
from nodecore.core.records import Instance, Instances, Metadata, Service, SwitchDomain
from nodecore.core.resources import EPHEMERAL_INSTANCES
from tests.core.driver import A0, B1, C5, S1, S2, S3, Driver, datum, entry, key, quietly, steady


def register(instance: Instance) -> RegisterInstance:
    return RegisterInstance(namespace="public", instance=instance)


def deregister(service: str, ip: str = "10.0.0.1", **fields: bool) -> DeregisterInstance:
    return DeregisterInstance(
        namespace="public", service=service, ip=ip, port=80, cluster="DEFAULT", **fields
    )


def beat(service: str = A0, instance: Instance | None = None) -> Beat:
    return Beat(
        namespace="public", service=service, ip="10.0.0.1", port=80, cluster="DEFAULT", instance=instance
    )


def listing(driver: Driver, service: str = A0, **fields: object) -> InstancesAnswer:
    answer = driver.ask(ListInstances(namespace="public", service=service, **fields))  # type: ignore[arg-type]
    assert isinstance(answer, InstancesAnswer)
    return answer


# ---- routing (R10) -----------------------------------------------------------------------------------


@pytest.mark.requirement("R10")
@pytest.mark.parametrize("operation", [register(entry(B1)), deregister(B1), beat(B1), beat(B1, entry(B1))])
def test_a_write_is_forwarded_to_the_responsible_node_and_answered_from_there(
    operation: RegisterInstance | DeregisterInstance | Beat,
) -> None:
    """On its own lane, within 2 s; nothing is stored here."""
    driver = steady()
    assert driver.ask(operation) is None
    ((call, message),) = driver.take(Forward)
    assert (call.target, message.operation, call.lane, call.timeout_s) == (S2, operation, Lane.FORWARD, 2.0)
    relayed = Relayed(status=200, content_type="text/plain", body=b"ok")
    replies = [e for e in driver.answer(call, ForwardAnswer(relayed)) if isinstance(e, Reply)]
    assert [reply.answer for reply in replies] == [relayed]
    assert driver.state().data == ()


@pytest.mark.requirement("R10")
@pytest.mark.parametrize(
    ("outcome", "status", "definite"),
    [
        (Failure.TIMEOUT, 503, False),
        (Failure.REFUSED, 503, False),
        (Failure.GARBLED, 503, False),
        (NotLoadedAnswer(), 503, True),
        (Refused(status=400, message="receive invalid redirect request from peer x"), 400, True),
    ],
)
def test_a_forward_that_fails_says_so(outcome: Failure | Refused, status: int, definite: bool) -> None:
    """Indefinite unless the other end said no."""
    driver = steady()
    driver.ask(register(entry(B1)))
    ((call, _),) = driver.take(Forward)
    effects = driver.fail(call, outcome) if isinstance(outcome, Failure) else driver.answer(call, outcome)
    (answer,) = [effect.answer for effect in effects if isinstance(effect, Reply)]
    assert isinstance(answer, Refused)
    assert (answer.status, answer.definite) == (status, definite)
    assert S2 in answer.message or "redirect" in answer.message


@pytest.mark.requirement("R10")
@pytest.mark.parametrize("source", [S3, ""])
def test_a_forwarded_write_makes_at_most_one_hop(source: str) -> None:
    """A node that does not own the service by its own ring refuses instead of passing it on."""
    driver = steady()
    answer = driver.ask(register(entry(B1)), forwarded_by=source)
    assert isinstance(answer, Refused)
    assert (answer.status, answer.definite) == (400, True)
    assert answer.message.startswith("receive invalid redirect request from peer ")
    assert driver.take(Forward) == []
    assert driver.ask(register(entry(A0)), forwarded_by=source) == Done()


@pytest.mark.requirement("R10")
def test_a_forward_may_also_come_as_a_peer_message() -> None:
    """The simulation speaks so; HTTP makes a client's request of it."""
    driver = steady()
    request = PeerRequest(request_id=99, source=S3, message=Forward(register(entry(A0))))
    assert PeerReply(99, ForwardAnswer(Done())) in driver.feed(request)
    driver = Driver()
    driver.feed_tick()
    assert PeerReply(99, NotLoadedAnswer()) in driver.feed(request)


@pytest.mark.requirement("R10")
def test_reads_are_served_by_whichever_node_was_asked() -> None:
    """From its own copy."""
    driver = steady(datum(B1, "10.0.0.1"))
    assert listing(driver, B1).instances == (entry(B1),)
    assert driver.ask(FindResponsible(service=C5)) == ResponsibleAnswer(S3)
    members = driver.ask(ReadMembers())
    assert isinstance(members, MembersAnswer)
    assert [member.address for member in members.members] == [S1, S2, S3]


@pytest.mark.requirement("R9")
def test_ownership_moves_with_the_members_health() -> None:
    """S3 out of the ring: A0 goes to S2, C5 to S1 (R23)."""
    driver = steady()
    driver.until(5.0)
    driver.fail(driver.take(Report, S3)[0][0])
    assert [driver.owner(service) for service in (A0, B1, C5)] == [S2, S2, S1]


# ---- persistent data ---------------------------------------------------------------------------------


@pytest.mark.requirement("R4")
@pytest.mark.parametrize(
    "operation",
    [
        register(entry(A0, ephemeral=False)),
        register(entry(B1, ephemeral=False)),
        deregister(A0, ephemeral=False),
        beat(A0, entry(A0, ephemeral=False)),
        PutRecord(key="com.alibaba.nacos.naming.iplist.public##g@@a", value=Instances()),
        RemoveRecord(key="com.alibaba.nacos.naming.domains.meta.public##g@@a"),
        ReadRecord(key="com.alibaba.nacos.naming.iplist.public##g@@a"),
    ],
)
def test_persistent_data_is_refused_with_the_reason(operation: RegisterInstance | PutRecord) -> None:
    """At the node that was asked, without a forward."""
    driver = steady()
    answer = driver.ask(operation)
    assert isinstance(answer, Refused)
    assert (answer.status, answer.definite) == (501, True)
    assert "CP protocol" in answer.message
    assert driver.state().data == ()


# ---- beats and their judgement (R18) -----------------------------------------------------------------


@pytest.mark.requirement("R18")
def test_unhealthy_within_15_to_20_s_and_removed_within_30_to_35() -> None:
    """At the first judgement after the time-out has passed, for every phase of the last beat."""
    for phase in (0.0, 0.1, 1.0, 2.5, 4.9):
        driver = steady()
        quietly(driver, phase)
        driver.ask(register(entry()))
        ill = gone = 0.0
        while not gone:
            quietly(driver, 0.1)
            silent_s = driver.now - phase
            ill = ill or (silent_s if driver.health(A0) == [False] else 0.0)
            gone = gone or (silent_s if driver.ips(A0) == [] else 0.0)
        assert 15.0 < ill <= 20.15
        assert 30.0 < gone <= 35.15
        assert driver.logged("instance_unhealthy")
        assert driver.logged("instance_removed")


@pytest.mark.requirement("R18")
def test_a_removal_travels_and_a_flip_does_not() -> None:
    """Health is told by the checksum: peers learn of it from the next verify."""
    driver = steady(datum(A0, "10.0.0.1", "10.0.0.2"))
    quietly(driver, 20.1)
    assert driver.health(A0) == [False, False]
    assert driver.take(SyncData) == []
    driver.run(5.0)
    ((_, message),) = driver.take(Verify, S2)
    ill = Instances(tuple(replace(i, healthy=False) for i in (entry(), entry(ip="10.0.0.2"))))
    assert message.checksums != ()
    assert driver.state().data[0].value == ill


@pytest.mark.requirement("R18")
def test_beats_keep_an_instance_and_make_it_healthy_again() -> None:
    """Full or light."""
    driver = steady()
    driver.ask(register(entry()))
    for number in range(20):
        quietly(driver, 5.0)
        assert driver.ask(beat(instance=entry() if number % 2 else None)) == BeatAnswer(
            interval_s=5.0, known=True, light_beats=True
        )
        assert driver.health(A0) == [True]
    quietly(driver, 20.0)
    assert driver.health(A0) == [False]
    driver.ask(beat())
    assert driver.health(A0) == [True]


@pytest.mark.requirement("R18")
def test_a_full_beat_registers_an_unknown_instance_and_a_light_one_is_told() -> None:
    """Code 20404: register again."""
    driver = steady()
    assert driver.ask(beat()) == BeatAnswer(interval_s=5.0, known=False, light_beats=True)
    assert driver.ips(A0) is None
    assert driver.ask(beat(instance=entry())) == BeatAnswer(interval_s=5.0, known=True, light_beats=True)
    assert driver.ips(A0) == ["10.0.0.1"]
    driver.run(1.0)
    assert len(driver.take(SyncData)) == 2


@pytest.mark.requirement("R18")
def test_an_instances_own_time_outs_are_real_milliseconds() -> None:
    """Taken as given, whatever the time scale; what is no number is left to the node's."""
    metadata: Metadata = (
        ("preserved.heart.beat.interval", "1500"),
        ("preserved.heart.beat.timeout", "3000"),
        ("preserved.ip.delete.timeout", "7000"),
    )
    driver = steady()
    driver.ask(register(entry(metadata=metadata)))
    driver.ask(register(entry(ip="10.0.0.2", metadata=(("preserved.heart.beat.timeout", "soon"),))))
    answer = driver.ask(beat())
    assert isinstance(answer, BeatAnswer)
    assert answer.interval_s == 1.5
    quietly(driver, 5.0)
    assert driver.health(A0) == [False, True]
    quietly(driver, 5.0)
    assert driver.ips(A0) == ["10.0.0.2"]


@pytest.mark.requirement("R18")
def test_only_the_responsible_node_judges() -> None:
    """Others know nothing of beats."""
    driver = steady(datum(B1, "10.0.0.1"))
    quietly(driver, 100.0)
    assert driver.health(B1) == [True]


@pytest.mark.requirement("R18")
def test_a_new_owner_counts_from_its_take_over() -> None:
    """Never from a stale beat: the original removes live instances 15-25 s after every heal."""
    driver = steady(datum(C5, "10.0.0.1"))
    quietly(driver, 97.0)
    driver.run(3.0)
    driver.fail(driver.take(Report, S3)[-1][0])
    taken_over_at = driver.now
    assert driver.owner(C5) == S1
    while driver.health(C5) == [True]:
        driver.run(0.1)
        for call, _ in driver.take(Report, S2):
            driver.answer(call, ReportAnswer())
    assert driver.now - taken_over_at > 15.0


@pytest.mark.requirement("R27")
def test_deregistration_shortens_the_list_and_travels() -> None:
    """The last one leaves an empty list, which is a change, not a delete; an unknown one is `ok` too."""
    driver = steady(datum(A0, "10.0.0.1", "10.0.0.2"))
    assert driver.ask(deregister(A0)) == Done()
    assert driver.ask(deregister(A0, "10.0.0.2")) == Done()
    assert driver.ips(A0) == []
    assert driver.ask(deregister(A0)) == Done()
    assert driver.ask(deregister("DEFAULT_GROUP@@B2")) == Done()
    driver.run(1.0)
    assert [message.data for _, message in driver.take(SyncData, S2)] == [(datum(A0),)]


# ---- lists and services ------------------------------------------------------------------------------


def test_a_list_leaves_out_what_clients_must_not_use() -> None:
    """Disabled always, others by cluster and health; a name nobody registered is known=False."""
    entries = (
        entry(),
        entry(ip="10.0.0.2", healthy=False),
        entry(ip="10.0.0.3", enabled=False),
        entry(ip="10.0.0.4", cluster="c1"),
    )
    driver = steady()
    driver.ask(PutRecord(key=key(A0), value=Instances(entries)))
    assert [i.ip for i in listing(driver).instances] == ["10.0.0.1", "10.0.0.2", "10.0.0.4"]
    assert [i.ip for i in listing(driver, clusters=("c1", "c2")).instances] == ["10.0.0.4"]
    assert [i.ip for i in listing(driver, healthy_only=True).instances] == ["10.0.0.1", "10.0.0.4"]
    assert listing(driver).known
    assert not listing(driver, C5).known


def test_a_lone_dead_instance_is_not_shown_as_healthy() -> None:
    """The original does, with threshold 0 and a comparison by <= (observed, surprise 8)."""
    driver = steady()
    driver.ask(CreateService(service=Service(namespace="public", name=B1, protect_threshold=0.5)))
    for service in (A0, B1):
        driver.ask(PutRecord(key=key(service), value=Instances((entry(service, healthy=False),))))
    assert [i.healthy for i in listing(driver, A0).instances] == [False]
    assert [i.healthy for i in listing(driver, B1).instances] == [True], "a threshold that was set protects"


def test_one_instance_and_the_three_ways_not_to_find_it() -> None:
    """Each says which part of the name is unknown."""
    driver = steady(datum(A0, "10.0.0.1"))

    def get(service: str, ip: str, cluster: str = "DEFAULT") -> Answer | None:
        return driver.ask(GetInstance(namespace="public", service=service, ip=ip, port=80, cluster=cluster))

    assert get(A0, "10.0.0.1") == InstanceAnswer(entry())
    assert get(A0, "10.0.0.2") == Refused(status=404, message="no matched ip found!")
    sentence = f"no ips found for cluster c9 in service {A0}"
    assert get(A0, "10.0.0.1", "c9") == Refused(status=404, message=sentence)
    assert get(C5, "10.0.0.1") == Refused(status=404, message=f"no service {C5} found!")


def test_service_metadata_acts_on_the_asked_node_only() -> None:
    """It never touches an instance list, and nothing of it travels."""
    driver = steady(datum(B1, "10.0.0.1"))
    service = Service(namespace="public", name=C5, protect_threshold=0.3, metadata=(("a", "b"),))
    exists = Refused(status=400, message=f"specified service already exists, serviceName : {C5}")
    assert driver.ask(CreateService(service=service)) == Done()
    assert driver.ask(CreateService(service=service)) == exists
    assert driver.ask(GetService(namespace="public", service=C5)) == ServiceAnswer(service)
    found = driver.ask(GetService(namespace="public", service=B1))
    assert found == ServiceAnswer(Service(namespace="public", name=B1, clusters=("DEFAULT",)))
    missing = driver.ask(GetService(namespace="public", service=A0))
    assert missing == Refused(status=404, message=f"service {A0} is not found!")
    driver.run(2.0)
    assert driver.take(SyncData) == []
    assert [d.key for d in driver.state().data] == [key(B1)]


@pytest.mark.requirement("R26")
def test_a_delete_at_the_responsible_node_travels() -> None:
    """As an operation of its own."""
    driver = steady(datum(A0, "10.0.0.1"))
    assert driver.ask(DeleteService(namespace="public", service=A0)) == Done()
    assert driver.ips(A0) is None
    driver.run(1.0)
    assert [(c.target, m.keys) for c, m in driver.take(SyncDelete)] == [(S2, (key(A0),)), (S3, (key(A0),))]


@pytest.mark.requirement("R25")
def test_a_delete_elsewhere_acts_on_that_node_alone() -> None:
    """It is not forwarded and does not travel."""
    driver = steady(datum(B1, "10.0.0.1"))
    assert driver.ask(DeleteService(namespace="public", service=B1)) == Done()
    assert driver.ips(B1) is None
    driver.run(2.0)
    assert driver.take(SyncDelete) + driver.take(Forward) == []
    assert driver.state().pending == 0
    again = driver.ask(DeleteService(namespace="public", service=B1))
    assert again == Refused(status=400, message=f"specified service not exist, serviceName : {B1}")


@pytest.mark.requirement("R4")
def test_records_are_put_removed_and_read_here_whoever_owns_them() -> None:
    """Local first, then to every other member."""
    driver = steady()
    put = PutRecord(key=key(B1), value=datum(B1, "10.0.0.2", "10.0.0.1").value)
    assert driver.ask(put) == Done()
    assert driver.ask(ReadRecord(key=key(B1))) == RecordAnswer(datum(B1, "10.0.0.1", "10.0.0.2"))
    driver.run(1.0)
    assert len(driver.take(SyncData)) == 2
    assert driver.ask(RemoveRecord(key=key(B1))) == Done()
    assert driver.ask(ReadRecord(key=key(B1))) == RecordAnswer(None)
    wrong = driver.ask(PutRecord(key=key(B1), value=SwitchDomain()))
    assert isinstance(wrong, Refused)
    assert wrong.status == 400


@pytest.mark.requirement("R8")
def test_snapshot_and_verify_walk_the_registered_types() -> None:
    """A second type of data is a second entry of plain data, and no other line of code."""
    other = replace(
        EPHEMERAL_INSTANCES,
        prefix="com.example.other.",
        accepts=lambda _key, record: isinstance(record, Instances),
        checksum=lambda _record: "checksum of the other type",
    )
    driver = steady()
    driver.node = Node(NodeConfig(name="s1", address=S1, members=(S1, S2, S3)), (EPHEMERAL_INSTANCES, other))
    found = replace(datum(A0, "10.0.0.1"), key="com.example.other.public##DEFAULT_GROUP@@ServiceA0")
    driver.load_from(S2, found, datum(A0, "10.0.0.1"))
    driver.become_up(S2, S3)
    assert [d.key for d in driver.state().data] == [key(A0), found.key]
    driver.until(5.0)
    ((_, message),) = driver.take(Verify, S2)
    assert dict(message.checksums)[found.key] == "checksum of the other type"
    assert len(message.checksums) == 2
