"""What clients are answered about lists, services and records (R4, R8, R25, R26)."""

from dataclasses import replace

import pytest

from nodecore.config import NodeConfig
from nodecore.core.answers import Answer, Done, InstanceAnswer, RecordAnswer, Refused, ServiceAnswer
from nodecore.core.messages import (
    Forward,
    SyncData,
    SyncDelete,
    Verify,
)
from nodecore.core.node import Node
from nodecore.core.operations import (
    CreateService,
    DeleteService,
    GetInstance,
    GetService,
    PutRecord,
    ReadRecord,
    RemoveRecord,
)
from nodecore.core.records import Instances, Service, SwitchDomain
from nodecore.core.resources import EPHEMERAL_INSTANCES
from tests.core.asking import listing
from tests.core.driver import A0, B1, C5, S1, S2, S3, datum, entry, key, steady


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
