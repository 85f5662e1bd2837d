"""The state machines of CP: commands merge at apply time, and every node ends where the log ends."""

import random
from dataclasses import replace

import pytest

from nodecore.core.commands import (
    INSTANCES_GROUP,
    METADATA_GROUP,
    SWITCH_GROUP,
    Applied,
    Command,
    Kind,
    Outcome,
    Rejected,
)
from nodecore.core.keys import SWITCH_KEY, ephemeral_key, metadata_key, persistent_key
from nodecore.core.persistent import PersistentLists
from nodecore.core.records import (
    Checker,
    CheckerKind,
    ClusterChecks,
    Instance,
    Instances,
    Service,
    SwitchDomain,
)
from nodecore.core.service_records import ServiceRecords
from nodecore.core.switch_record import SwitchRecord

NAME = "DEFAULT_GROUP@@db"
LIST, META = persistent_key("public", NAME), metadata_key("public", NAME)
SERVICE = Service(namespace="public", name=NAME)


def instance(number: int = 1, **fields: object) -> Instance:
    fields = {"ip": f"10.0.0.{number}", "port": 80, "service": NAME, "ephemeral": False} | fields
    return Instance(**fields)  # type: ignore[arg-type]


def on_list(kind: Kind, *instances: Instance, **fields: object) -> Command:
    record = Instances(instances)
    return Command(group=INSTANCES_GROUP, key=LIST, kind=kind, record=record, **fields)  # type: ignore[arg-type]


def on_service(kind: Kind, record: Service | None = SERVICE, **fields: object) -> Command:
    return Command(group=METADATA_GROUP, key=META, kind=kind, record=record, **fields)  # type: ignore[arg-type]


def on_switches(switches: SwitchDomain, *fields: str) -> Command:
    return Command(group=SWITCH_GROUP, key=SWITCH_KEY, kind=Kind.PUT, record=switches, fields=fields)


def refused(outcome: Outcome) -> tuple[int, str]:
    assert isinstance(outcome, Rejected), outcome
    return outcome.status, outcome.message


@pytest.fixture
def lists() -> PersistentLists:
    return PersistentLists()


@pytest.fixture
def services(lists: PersistentLists) -> ServiceRecords:
    return ServiceRecords(lists)


def listed(lists: PersistentLists) -> list[Instance]:
    found = lists.get(LIST)
    return list(found.instances) if found else []


# ---- instances ----------------------------------------------------------------------------------


@pytest.mark.requirement("R19")
def test_two_registrations_of_one_service_both_stay(lists: PersistentLists) -> None:
    """Two nodes took them at once, neither having seen the other's: the second does not undo the first."""
    lists.apply(on_list(Kind.REGISTER, instance(2)))
    lists.apply(on_list(Kind.REGISTER, instance(1)))
    assert listed(lists) == [instance(1), instance(2)]


def test_a_patch_touches_what_it_names_and_nothing_else(lists: PersistentLists) -> None:
    """Two clients change the weight and the metadata of one instance at once: both changes hold."""
    lists.apply(on_list(Kind.REGISTER, instance(1)))
    lists.apply(on_list(Kind.PATCH, instance(1, weight=7.0), fields=("weight",)))
    lists.apply(on_list(Kind.PATCH, instance(1, metadata=(("k", "v"),)), fields=("metadata",)))
    lists.apply(on_list(Kind.PATCH, instance(1, enabled=False, healthy=False), fields=("enabled", "healthy")))
    assert listed(lists) == [instance(1, weight=7.0, metadata=(("k", "v"),), enabled=False)]


def test_an_unknown_instance_cannot_be_patched(lists: PersistentLists) -> None:
    """The sentence names it, and nothing is made."""
    status, sentence = refused(lists.apply(on_list(Kind.PATCH, instance(3), fields=("weight",))))
    assert (status, sentence) == (
        400,
        f"instance not found: 10.0.0.3:80 in cluster DEFAULT of {NAME}",
    )
    assert lists.records() == ()


def test_metadata_change_name_by_name(lists: PersistentLists) -> None:
    """Of the named ones, or of all; the answer shows them as they are now."""
    lists.apply(on_list(Kind.REGISTER, instance(1, metadata=(("a", "1"),)), instance(2)))
    said = (("b", "2"),)
    outcome = lists.apply(on_list(Kind.SET_METADATA, instance(1, metadata=said), instance(9, metadata=said)))
    assert isinstance(outcome, Applied)
    assert outcome.value == Instances((instance(1, metadata=(("a", "1"), ("b", "2"))),))
    gone = instance(0, metadata=(("b", ""),))
    lists.apply(on_list(Kind.REMOVE_METADATA, gone, all_instances=True))
    assert [entry.metadata for entry in listed(lists)] == [(("a", "1"),), ()]
    assert refused(PersistentLists().apply(on_list(Kind.SET_METADATA, instance(1))))[0] == 404


def test_deregistering_the_last_one_leaves_an_empty_service(lists: PersistentLists) -> None:
    """As the original has it; one that is not there is no error."""
    lists.apply(on_list(Kind.REGISTER, instance(1)))
    assert isinstance(lists.apply(on_list(Kind.DEREGISTER, instance(7))), Applied)
    lists.apply(on_list(Kind.DEREGISTER, instance(1)))
    assert lists.get(LIST) == Instances()
    assert lists.apply(replace(on_list(Kind.REMOVE), record=None)) == Applied(changed=((LIST, None),))
    assert lists.apply(replace(on_list(Kind.REMOVE), record=None)) == Applied()


def test_ephemeral_keys_are_refused(lists: PersistentLists) -> None:
    """They begin like persistent ones, and belong to Distro."""
    command = replace(on_list(Kind.REGISTER, instance(1)), key=ephemeral_key("public", NAME))
    assert "no key of persistent instances" in refused(lists.apply(command))[1]


# ---- services -----------------------------------------------------------------------------------


def test_a_service_is_created_once(services: ServiceRecords) -> None:
    """Of two that create it at once the second is told that it is there."""
    assert isinstance(services.apply(on_service(Kind.CREATE)), Applied)
    status, sentence = refused(services.apply(on_service(Kind.CREATE)))
    assert (status, sentence) == (400, f"specified service already exists, serviceName : {NAME}")


@pytest.mark.parametrize("kind", [Kind.UPDATE, Kind.SET_CHECKS, Kind.DELETE])
def test_what_is_nowhere_can_neither_be_changed_nor_deleted(services: ServiceRecords, kind: Kind) -> None:
    """But a list of instances makes a service, be it ephemeral on the node that was asked."""
    assert refused(services.apply(on_service(kind)))[0] == 400
    assert isinstance(services.apply(on_service(kind, listed=True)), Applied)


def test_threshold_and_checks_are_changed_apart(services: ServiceRecords, lists: PersistentLists) -> None:
    """An update does not undo how clusters are checked, nor one cluster's checks another's."""
    lists.apply(on_list(Kind.REGISTER, instance(1)))
    mysql = ClusterChecks(name="b", checker=Checker(kind=CheckerKind.MYSQL))
    http = ClusterChecks(name="a", checker=Checker(kind=CheckerKind.HTTP))
    services.apply(on_service(Kind.SET_CHECKS, replace(SERVICE, checks=(mysql,))))
    services.apply(on_service(Kind.UPDATE, replace(SERVICE, protect_threshold=0.5, metadata=(("k", "v"),))))
    services.apply(on_service(Kind.SET_CHECKS, replace(SERVICE, checks=(http,))))
    expected = replace(SERVICE, protect_threshold=0.5, metadata=(("k", "v"),), checks=(http, mysql))
    assert services.get(META) == expected


def test_deleting_a_service_takes_its_persistent_instances_with_it(
    services: ServiceRecords, lists: PersistentLists
) -> None:
    """In one entry of the log, so that no half of it can stay for want of a leader."""
    lists.apply(on_list(Kind.REGISTER, instance(1)))
    services.apply(on_service(Kind.UPDATE))
    outcome = services.apply(on_service(Kind.DELETE, None))
    assert outcome == Applied(changed=((LIST, None), (META, None)))
    assert (services.records(), lists.records()) == ((), ())


# ---- switches -----------------------------------------------------------------------------------


def test_only_switches_that_were_named_are_kept() -> None:
    """What one operator changed is not undone by another who changed something else."""
    record = SwitchRecord()
    record.apply(on_switches(SwitchDomain(push_enabled=False), "push_enabled"))
    record.apply(on_switches(SwitchDomain(check_times=5), "check_times"))
    found = record.get(SWITCH_KEY)
    assert found is not None
    assert found.names == ("check_times", "push_enabled")
    assert (found.switches.push_enabled, found.switches.check_times) == (False, 5)


# ---- one log, one state -------------------------------------------------------------------------


def test_a_snapshot_and_the_rest_of_the_log_give_what_the_whole_log_gives() -> None:
    """Of any log, cut anywhere: that is what lets a node catch up by a snapshot (R3)."""
    drawn = random.Random(6)
    for _ in range(30):
        log = [_drawn_command(drawn) for _ in range(40)]
        cut = drawn.randrange(len(log))
        whole, early, late = _machines(), _machines(), _machines()
        _apply(whole, log)
        _apply(early, log[:cut])
        for group, machine in late.items():
            machine.restore(early[group].records())
        _apply(late, log[cut:])
        assert [m.records() for m in late.values()] == [m.records() for m in whole.values()]


Machines = dict[str, PersistentLists | ServiceRecords | SwitchRecord]


def _machines() -> Machines:
    lists = PersistentLists()
    return {INSTANCES_GROUP: lists, METADATA_GROUP: ServiceRecords(lists), SWITCH_GROUP: SwitchRecord()}


def _apply(machines: Machines, log: list[Command]) -> None:
    for command in log:
        machines[command.group].apply(command)


def _drawn_command(drawn: random.Random) -> Command:
    entry = instance(
        drawn.randrange(3), weight=float(drawn.randrange(5)), metadata=(("k", str(drawn.random())),)
    )
    kinds = (Kind.REGISTER, Kind.REGISTER, Kind.DEREGISTER, Kind.SET_METADATA)
    checks = (ClusterChecks(name=f"c{drawn.randrange(3)}"),)
    return drawn.choice(
        [
            on_list(drawn.choice(kinds), entry),
            on_list(Kind.PATCH, entry, fields=("weight",)),
            on_service(drawn.choice((Kind.CREATE, Kind.UPDATE)), replace(SERVICE, metadata=entry.metadata)),
            on_service(Kind.SET_CHECKS, replace(SERVICE, checks=checks)),
            on_service(Kind.DELETE, None),
            on_switches(SwitchDomain(check_times=drawn.randrange(1, 9)), "check_times"),
        ]
    )
