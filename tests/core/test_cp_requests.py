"""What a node with CP asks of it, what it shows of what CP applied, and what CP never touches."""

from dataclasses import replace

import pytest

from nodecore.config import Profile
from nodecore.core.answers import Answer, AskCp, Done, InstanceAnswer, Refused, ServiceAnswer, UpdatedAnswer
from nodecore.core.commands import ChangedSwitches, Command, Held, Kind, Query
from nodecore.core.enquiries import ChangeSwitches, ReadServices, ReadSwitches, ServicesAnswer, SwitchesAnswer
from nodecore.core.events import Change, Notify, Push, RecordsApplied, RecordsRestored
from nodecore.core.keys import SWITCH_KEY, metadata_key, persistent_key
from nodecore.core.messages import SyncData, SyncDelete
from nodecore.core.operations import (
    ChangeMetadata,
    Consistency,
    CpAnswered,
    CreateService,
    DeleteService,
    GetInstance,
    GetService,
    ListInstances,
    Operation,
    PatchInstance,
    SetChecks,
    UpdateService,
)
from nodecore.core.records import ClusterChecks, Instance, Instances, ServerStatus, Service, SwitchDomain
from nodecore.core.subscribers import Subscriber
from tests.core.asking import beat, deregister, listing, register
from tests.core.driver import A0, B1, S2, Driver, datum, entry, steady

LIST, META = persistent_key("public", A0), metadata_key("public", A0)
SERVICE = Service(namespace="public", name=A0)
DELETE = DeleteService(namespace="public", service=A0)


def persistent(ip: str = "10.0.0.7", **fields: object) -> Instance:
    return replace(entry(A0, ip), ephemeral=False, **fields)  # type: ignore[arg-type]


def patch(**fields: object) -> PatchInstance:
    where = {"namespace": "public", "service": A0, "ip": "10.0.0.7", "port": 80, "cluster": "DEFAULT"}
    return PatchInstance(**(where | fields))  # type: ignore[arg-type]


def get(ip: str = "10.0.0.7", **fields: object) -> GetInstance:
    where = {"namespace": "public", "service": A0, "ip": ip, "port": 80, "cluster": "DEFAULT"}
    return GetInstance(**(where | fields))  # type: ignore[arg-type]


def applied(driver: Driver, *changed: tuple[str, Held | None]) -> None:
    driver.feed(RecordsApplied(changed))


def with_persistent(*instances: Instance, **options: object) -> Driver:
    driver = steady(datum(A0, "10.0.0.1"), cp=True, **options)
    applied(driver, (LIST, Instances(instances or (persistent(),))))
    driver.said.clear()
    return driver


def asked(driver: Driver, operation: Operation) -> Command | Query:
    answer = driver.ask(operation)
    assert isinstance(answer, AskCp), answer
    return answer.request


def sentence(answer: Answer | None) -> tuple[int, str]:
    assert isinstance(answer, Refused), answer
    return answer.status, answer.message


# ---- what is asked of CP ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        (register(persistent()), Kind.REGISTER),
        (register(replace(entry(B1), ephemeral=False)), Kind.REGISTER),
        (deregister(A0, ephemeral=False), Kind.DEREGISTER),
        (patch(weight=2.0, ephemeral=False), Kind.PATCH),
        (patch(weight=2.0), Kind.PATCH),
        (CreateService(service=SERVICE), Kind.CREATE),
        (UpdateService(service=SERVICE), Kind.UPDATE),
        (SetChecks(namespace="public", service=A0, checks=ClusterChecks()), Kind.SET_CHECKS),
        (DELETE, Kind.DELETE),
        (ChangeSwitches((("push_enabled", False),)), Kind.PUT),
    ],
)
def test_a_persistent_write_is_asked_of_cp_by_whichever_node_was_asked(
    operation: Operation, kind: Kind
) -> None:
    """B1 belongs to S2, and is not forwarded all the same: the leader serves it, whoever owns it."""
    driver = with_persistent()
    command = asked(driver, operation)
    assert isinstance(command, Command)
    assert command.kind is kind
    assert driver.take(SyncData) == []


def test_a_patch_asks_for_what_it_names_and_nothing_else() -> None:
    """Health is not among it: that is what checks say."""
    driver = with_persistent()
    command = asked(driver, patch(weight=2.0, enabled=False))
    assert isinstance(command, Command)
    assert command.fields == ("enabled", "weight")
    status, text = sentence(driver.ask(patch(healthy=True)))
    assert (status, "leave out healthy" in text) == (400, True)


def test_what_is_ephemeral_stays_with_distro() -> None:
    """Also where the service has persistent instances too, and the patch does not say which kind it means."""
    driver = with_persistent()
    assert isinstance(driver.ask(register(entry(A0, "10.0.0.3"))), Done)
    assert isinstance(driver.ask(patch(ip="10.0.0.1", weight=3.0)), Done)
    assert isinstance(driver.ask(get("10.0.0.1")), InstanceAnswer)
    assert sentence(driver.ask(get(ephemeral=True)))[0] == 404
    assert sentence(driver.ask(beat(A0, persistent())))[0] == 400


def test_a_switch_says_what_a_registration_is_that_does_not_say_it() -> None:
    """`defaultInstanceEphemeral`, on all nodes and without a restart."""
    driver = with_persistent()
    silent = replace(register(entry(A0, "10.0.0.3")), says_kind=False)
    assert isinstance(driver.ask(silent), Done)
    switches = SwitchDomain(default_instance_ephemeral=False)
    applied(driver, (SWITCH_KEY, ChangedSwitches(switches=switches, names=("default_instance_ephemeral",))))
    assert isinstance(driver.ask(silent), AskCp)


def test_a_namespace_whose_keys_would_look_ephemeral_is_refused() -> None:
    """Its persistent key would be another service's ephemeral one."""
    driver = steady(cp=True)
    assert sentence(driver.ask(replace(register(persistent()), namespace="ephemeral.x")))[0] == 400


def test_a_node_that_only_reads_asks_cp_nothing() -> None:
    """The switch overriddenServerStatus comes first."""
    driver = with_persistent()
    switches = SwitchDomain(overridden_server_status=ServerStatus.READ_ONLY)
    applied(driver, (SWITCH_KEY, ChangedSwitches(switches=switches, names=("overridden_server_status",))))
    assert sentence(driver.ask(register(persistent())))[0] == 503


# ---- reads --------------------------------------------------------------------------------------


def test_one_record_is_read_through_the_log_unless_stale_is_asked_for() -> None:
    """Lists are stale; an instance and a service are not, by default."""
    driver = with_persistent()
    assert asked(driver, get()) == Query(group="naming_persistent_service", key=LIST)
    assert asked(driver, GetService(namespace="public", service=A0)).key == META
    stale = driver.ask(get(consistency=Consistency.STALE))
    assert stale == InstanceAnswer(persistent())
    service = driver.ask(GetService(namespace="public", service=A0, consistency=Consistency.STALE))
    assert isinstance(service, ServiceAnswer)


def test_the_answer_is_what_cp_read_with_the_health_that_is_known_here() -> None:
    """The record may be newer than what is applied here; health never comes from the log."""
    driver = with_persistent(persistent(healthy=False))
    read = Instances((persistent(weight=9.0), persistent("10.0.0.8")))
    assert driver.ask(CpAnswered(get(), read)) == InstanceAnswer(persistent(weight=9.0, healthy=False))
    assert driver.ask(CpAnswered(get("10.0.0.8"), read)) == InstanceAnswer(persistent("10.0.0.8"))
    assert sentence(driver.ask(CpAnswered(get(), None))) == (404, f"no service {A0} found!")
    assert sentence(driver.ask(CpAnswered(get("10.0.0.9"), read))) == (404, "no matched ip found!")


def test_a_service_shows_the_metadata_of_cp_and_the_clusters_known_here() -> None:
    """One that only has instances has default metadata; one that is nowhere is not found."""
    driver = with_persistent(persistent(cluster="c1"))
    read = replace(SERVICE, protect_threshold=0.5, checks=(ClusterChecks(name="c2"),))
    operation = GetService(namespace="public", service=A0)
    answer = driver.ask(CpAnswered(operation, read))
    assert answer == ServiceAnswer(replace(read, clusters=("DEFAULT", "c1", "c2")))
    assert driver.ask(CpAnswered(operation)) == ServiceAnswer(replace(SERVICE, clusters=("DEFAULT", "c1")))
    nowhere = GetService(namespace="public", service=B1)
    assert sentence(driver.ask(CpAnswered(nowhere)))[0] == 404


def test_a_batch_of_metadata_is_answered_with_what_cp_changed() -> None:
    """The instances as they are now."""
    driver = with_persistent()
    operation = ChangeMetadata(
        namespace="public", service=A0, metadata=(("k", "v"),), remove=False, instances=None, ephemeral=False
    )
    command = asked(driver, operation)
    assert isinstance(command, Command)
    assert (command.kind, command.all_instances) == (Kind.SET_METADATA, True)
    changed = Instances((persistent(metadata=(("k", "v"),)),))
    assert driver.ask(CpAnswered(operation, changed)) == UpdatedAnswer(changed.instances)


# ---- what is shown ------------------------------------------------------------------------------


@pytest.mark.requirement("R19")
def test_lists_and_catalogues_show_both_kinds_together() -> None:
    """As the original does, each with its flag; the catalogue's checksum is that of all."""
    driver = with_persistent()
    assert [(e.ip, e.ephemeral) for e in listing(driver).instances] == [
        ("10.0.0.1", True),
        ("10.0.0.7", False),
    ]
    answer = driver.ask(ReadServices(namespace="public", service=A0))
    assert isinstance(answer, ServicesAnswer)
    assert [e.ip for e in answer.services[0].instances] == ["10.0.0.1", "10.0.0.7"]
    assert answer.services[0].checksum == listing(driver).checksum
    assert driver.ips(A0) == ["10.0.0.1"]


@pytest.mark.requirement("R7")
@pytest.mark.requirement("R20")
def test_subscribers_and_listeners_hear_of_what_cp_applied() -> None:
    """A change once, with the list as it is; the same record again is no change."""
    driver = with_persistent()
    subscriber = Subscriber(ip="127.0.0.1", port=9, agent="Nacos-Java-Client:v1.4.2")
    driver.ask(ListInstances(namespace="public", service=A0, subscriber=subscriber))
    two = Instances((persistent(), persistent("10.0.0.8")))
    applied(driver, (LIST, two))
    applied(driver, (LIST, two))
    assert driver.notified() == [Notify(LIST, Change.CHANGE, two)]
    driver.run(1.0)
    (push,) = [effect for effect in driver.said if isinstance(effect, Push)]
    assert [e.ip for e in push.listed.instances] == ["10.0.0.1", "10.0.0.7", "10.0.0.8"]
    applied(driver, (LIST, None), (META, SERVICE), (META, None))
    assert driver.notified()[1:] == [
        Notify(LIST, Change.DELETE, None),
        Notify(META, Change.CHANGE, SERVICE),
        Notify(META, Change.DELETE, None),
    ]


def test_a_snapshot_replaces_everything_of_its_group() -> None:
    """What is not in it is gone, and listeners hear of it."""
    driver = with_persistent()
    other = persistent_key("public", B1)
    records = ((other, Instances((replace(entry(B1), ephemeral=False),))),)
    driver.feed(RecordsRestored(group="naming_persistent_service", records=records))
    assert [e.ip for e in listing(driver).instances] == ["10.0.0.1"]
    assert [e.service for e in listing(driver, B1).instances] == [B1]
    assert [(n.key, n.change) for n in driver.notified()] == [(LIST, Change.DELETE), (other, Change.CHANGE)]


def test_switches_of_all_nodes_are_on_top_of_the_nodes_own_defaults() -> None:
    """What was changed here alone is undone by the next change for all, as in the original."""
    driver = steady(cp=True)
    assert isinstance(driver.ask(ChangeSwitches((("push_enabled", False),), here_only=True)), Done)
    assert _switches(driver).push_enabled is False
    own_beat_ms = _switches(driver).client_beat_interval_ms
    switches = SwitchDomain(check_times=7, client_beat_interval_ms=1)
    applied(driver, (SWITCH_KEY, ChangedSwitches(switches=switches, names=("check_times",))))
    now = _switches(driver)
    assert (now.check_times, now.client_beat_interval_ms, now.push_enabled) == (7, own_beat_ms, True)


def _switches(driver: Driver) -> SwitchDomain:
    answer = driver.ask(ReadSwitches())
    assert isinstance(answer, SwitchesAnswer)
    return answer.switches


# ---- what CP never touches ----------------------------------------------------------------------


@pytest.mark.requirement("R25")
@pytest.mark.parametrize("profile", Profile)
def test_a_deletion_that_cp_applies_touches_no_ephemeral_list(profile: Profile) -> None:
    """In the original it does, and a replayed one removes live instances (observed, surprises 1 and 6)."""
    driver = with_persistent(profile=profile)
    applied(driver, (META, SERVICE), (LIST, None), (META, None))
    assert driver.ips(A0) == ["10.0.0.1"]
    assert driver.take(SyncDelete) == []
    assert [e.ip for e in listing(driver).instances] == ["10.0.0.1"]


@pytest.mark.requirement("R25")
@pytest.mark.requirement("R26")
@pytest.mark.parametrize(
    ("profile", "owner", "travels"),
    [
        (Profile.DOCUMENTED, True, True),
        (Profile.DOCUMENTED, False, False),
        (Profile.CORRECTED, False, True),
    ],
)
def test_the_node_that_was_asked_deletes_the_ephemeral_half_once_cp_has_confirmed(
    profile: Profile, owner: bool, travels: bool
) -> None:
    """Not before: a minority that cannot delete the one half leaves the other alone, too (surprise 5)."""
    driver = steady(datum(A0, "10.0.0.1"), own="127.0.0.1:8848" if owner else S2, cp=True, profile=profile)
    assert isinstance(driver.ask(DELETE), AskCp)
    assert driver.ips(A0) == ["10.0.0.1"]
    assert isinstance(driver.ask(CpAnswered(DELETE)), Done)
    assert driver.ips(A0) is None
    driver.run(2.0)
    assert bool(driver.take(SyncDelete)) is travels
