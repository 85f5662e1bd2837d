"""Active checks as the responsible node does and judges them, and how the others learn of health (R19)."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from nodecore.core.answers import Answer, Done, Refused
from nodecore.core.commands import ChangedSwitches
from nodecore.core.events import Probe, Probed, RecordsApplied, Tick
from nodecore.core.findings import Finding, Found, Verdict, verdict
from nodecore.core.keys import SWITCH_KEY, metadata_key, persistent_key
from nodecore.core.messages import Accepted, InstanceHealth, Report, ReportAnswer
from nodecore.core.operations import SetHealth
from nodecore.core.records import Checker, CheckerKind, ClusterChecks, Instances, Service, SwitchDomain
from tests.core.asking import listing
from tests.core.driver import A0, B1, S1, S2, S3, Driver, entry, steady

pytestmark = pytest.mark.requirement("R19")

OPEN, REFUSED = Finding(found=Found.OPEN), Finding(found=Found.REFUSED)
SILENT, UNABLE = Finding(found=Found.SILENT), Finding(found=Found.UNABLE, why="no PyMySQL")


def answered(status: int) -> Finding:
    return Finding(found=Found.ANSWERED, status=status)


def checked(service: str = A0, ips: Iterable[str] = ("10.0.0.7",), **options: object) -> Driver:
    """A node that sees all members UP and has persistent instances of a service, with nothing said yet."""
    driver = steady(cp=True, **options)
    instances = tuple(replace(entry(service, ip), ephemeral=False) for ip in ips)
    driver.feed(RecordsApplied(((persistent_key("public", service), Instances(instances)),)))
    for member in (S2, S3):
        driver.hear(member, Report(driver.member(member)))
    driver.said.clear()
    return driver


def own_kind(driver: Driver, *members: str) -> None:
    """Let the members' next reports say that they are of our kind."""
    driver.run(5.0)
    for member in members:
        for call, _ in driver.take(Report, member):
            driver.answer(call, ReportAnswer(takes_digest=True))


def use(driver: Driver, checker: Checker, service: str = A0, **fields: object) -> None:
    """Have the default cluster of a service checked like this."""
    checks = (ClusterChecks(checker=checker, **fields),)  # type: ignore[arg-type]
    record = Service(namespace="public", name=service, checks=checks)
    driver.feed(RecordsApplied(((metadata_key("public", service), record),)))


def probes(driver: Driver) -> list[Probe]:
    """The checks that were asked for since the last call."""
    found = [effect for effect in driver.said if isinstance(effect, Probe)]
    driver.said = [effect for effect in driver.said if not isinstance(effect, Probe)]
    return found


def next_probe(driver: Driver, within_s: float = 10.0) -> Probe:
    """Let time pass until a check is asked for."""
    until = driver.now + within_s
    while not (found := probes(driver)):
        due = driver.node.next_deadline()
        assert due is not None
        assert due <= until, "no check was asked for"
        driver.until(due)
        driver.feed(Tick())
    assert len(found) == 1
    return found[0]


def find(driver: Driver, *findings: Finding, took_s: float = 0.001) -> None:
    """End one check after another with these findings."""
    for finding in findings:
        end(driver, next_probe(driver), finding, took_s)


def end(driver: Driver, probe: Probe, finding: Finding, took_s: float = 0.001) -> None:
    found = Probed(probe_id=probe.probe_id, checker=probe.checker, finding=finding, took_s=took_s)
    driver.feed(found)


def healthy(driver: Driver, service: str = A0) -> list[bool]:
    return [instance.healthy for instance in listing(driver, service).instances]


# ---- what a finding means -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "finding", "meaning"),
    [
        (CheckerKind.TCP, OPEN, Verdict.PASSED),
        (CheckerKind.TCP, REFUSED, Verdict.DOWN),
        (CheckerKind.TCP, SILENT, Verdict.FAILED),
        (CheckerKind.HTTP, answered(200), Verdict.PASSED),
        (CheckerKind.HTTP, answered(404), Verdict.DOWN),
        (CheckerKind.HTTP, answered(503), Verdict.FAILED),
        (CheckerKind.HTTP, answered(302), Verdict.FAILED),
        (CheckerKind.HTTP, REFUSED, Verdict.DOWN),
        (CheckerKind.HTTP, SILENT, Verdict.FAILED),
        (CheckerKind.HTTP, Finding(found=Found.BROKEN), Verdict.FAILED),
        (CheckerKind.MYSQL, answered(0), Verdict.PASSED),
        (CheckerKind.MYSQL, Finding(found=Found.FAILED), Verdict.DOWN),
        (CheckerKind.MYSQL, SILENT, Verdict.FAILED),
        (CheckerKind.MYSQL, UNABLE, Verdict.NONE),
    ],
)
def test_what_is_found_means_what_the_reference_says(
    kind: CheckerKind, finding: Finding, meaning: Verdict
) -> None:
    """Reference 5.4: up if, at once down, or soft."""
    assert verdict(Checker(kind=kind), finding) is meaning


def test_a_status_that_is_expected_passes_whatever_it_is() -> None:
    """Also one that would be soft."""
    assert verdict(Checker(kind=CheckerKind.HTTP, expected_code=503), answered(503)) is Verdict.PASSED


# ---- how often it must be found -----------------------------------------------------------------


def test_a_refused_connection_is_believed_at_once_and_a_good_one_after_three() -> None:
    """One process listens or does not; what came back must have come back to stay."""
    driver = checked()
    find(driver, REFUSED)
    assert healthy(driver) == [False]
    find(driver, OPEN, OPEN)
    assert healthy(driver) == [False]
    find(driver, OPEN)
    assert healthy(driver) == [True]


def test_silence_is_believed_after_three_in_a_row() -> None:
    """One that passes begins the count anew."""
    driver = checked()
    find(driver, SILENT, SILENT, OPEN, SILENT, SILENT)
    assert healthy(driver) == [True]
    find(driver, SILENT)
    assert healthy(driver) == [False]


def test_how_many_in_a_row_is_a_switch() -> None:
    """`healthCheckTimes`, on all nodes and without a restart."""
    driver = checked()
    switches = ChangedSwitches(switches=SwitchDomain(check_times=1), names=("check_times",))
    driver.feed(RecordsApplied(((SWITCH_KEY, switches),)))
    find(driver, SILENT)
    assert healthy(driver) == [False]


def test_a_node_that_cannot_check_judges_nobody() -> None:
    """It says in its log what it would need."""
    driver = checked()
    use(driver, Checker(kind=CheckerKind.MYSQL))
    find(driver, UNABLE, UNABLE, UNABLE, UNABLE)
    assert healthy(driver) == [True]
    assert {line["why"] for line in driver.logged("probe")} == {"no PyMySQL"}


# ---- when ---------------------------------------------------------------------------------------


def test_the_first_check_comes_after_two_seconds_and_a_part_of_five_by_name() -> None:
    """So that a thousand instances are not checked at once, and in every run alike."""
    ips = [f"10.0.{part}.{number}" for part in range(4) for number in range(50)]
    driver = checked(ips=ips)
    began_s, moments = driver.now, []
    while len(moments) < len(ips):
        due = driver.node.next_deadline()
        assert due is not None
        driver.until(due)
        driver.feed(Tick())
        moments += [driver.now - began_s for _ in probes(driver)]
    assert min(moments) >= 2.0
    assert max(moments) <= 7.0
    assert len(set(moments)) > 150


@pytest.mark.parametrize(
    ("checker", "took_s", "least_s", "most_s"),
    [
        (Checker(), 0.001, 1.0, 5.0),
        (Checker(kind=CheckerKind.HTTP), 0.001, 0.5, 5.0),
        (Checker(kind=CheckerKind.MYSQL), 0.001, 2.0, 3.0),
        (Checker(kind=CheckerKind.MYSQL), 60.0, 2.0, 3.0),
    ],
)
def test_the_pause_follows_how_long_checks_take_within_its_bounds(
    checker: Checker, took_s: float, least_s: float, most_s: float
) -> None:
    """Quick checks settle at the least pause, slow ones at the most."""
    driver = checked()
    use(driver, checker)
    pauses = []
    for _ in range(30):
        end(driver, next_probe(driver), OPEN, took_s)
        before_s = driver.now
        probe = next_probe(driver)
        pauses.append(driver.now - before_s)
        end(driver, probe, OPEN, took_s)
    assert all(least_s - 1e-6 <= pause <= most_s + 1e-6 for pause in pauses)
    assert pauses[-1] == pytest.approx(most_s if took_s > most_s else least_s)


def test_a_check_that_is_open_is_not_begun_again() -> None:
    """However long it takes; what it finds after the instance has gone is nobody's."""
    driver = checked()
    probe = next_probe(driver)
    driver.run(60.0)
    assert probes(driver) == []
    driver.feed(RecordsApplied(((persistent_key("public", A0), None),)))
    end(driver, probe, REFUSED)
    assert listing(driver).instances == ()
    driver.run(60.0)
    assert probes(driver) == []


def test_a_new_way_to_check_begins_at_once_and_forgets_what_the_old_one_found() -> None:
    """Two soft failures of the old check do not count with the new one; nor does one still open."""
    driver = checked()
    find(driver, SILENT, SILENT)
    old = next_probe(driver)
    use(driver, Checker(kind=CheckerKind.HTTP, path="/health"), use_instance_port=False, check_port=81)
    end(driver, old, SILENT)
    assert healthy(driver) == [True]
    new = next_probe(driver)
    assert (new.target, new.checker.kind, new.checker.path) == ("10.0.0.7:81", CheckerKind.HTTP, "/health")
    end(driver, new, answered(404))
    assert healthy(driver) == [False]


# ---- who ----------------------------------------------------------------------------------------


def test_only_the_responsible_node_checks() -> None:
    """B1 is S2's: nobody checks it here, until S2 is gone; and when S2 is back, nobody does again."""
    driver = checked(B1)
    driver.run(4.0)
    assert probes(driver) == []
    driver.members(S1)
    find(driver, REFUSED)
    assert healthy(driver, B1) == [False]
    driver.members(S1, S2)
    driver.become_up(S2)
    assert driver.owner(B1) == S2
    driver.run(20.0)
    assert probes(driver) == []


def test_a_node_that_has_stalled_judges_nobody() -> None:
    """What it found in that time says something of itself."""
    driver = checked()
    probe = next_probe(driver)
    driver.now += 60.0
    end(driver, probe, REFUSED)
    assert driver.logged("stall") != []
    assert healthy(driver) == [True]


def test_nobody_is_checked_while_checks_are_switched_off() -> None:
    """The switch `check`, as for beats."""
    driver = checked()
    switches = SwitchDomain(health_check_enabled=False)
    changed = ChangedSwitches(switches=switches, names=("health_check_enabled",))
    driver.feed(RecordsApplied(((SWITCH_KEY, changed),)))
    driver.run(30.0)
    assert probes(driver) == []
    driver.feed(RecordsApplied(((SWITCH_KEY, None),)))
    assert next_probe(driver).target == "10.0.0.7:80"


def test_health_outlives_a_new_registration() -> None:
    """The record says how it began, the checks how it is."""
    driver = checked()
    find(driver, REFUSED)
    again = Instances((replace(entry(A0, "10.0.0.7", weight=3.0), ephemeral=False),))
    driver.feed(RecordsApplied(((persistent_key("public", A0), again),)))
    (instance,) = listing(driver).instances
    assert (instance.healthy, instance.weight) == (False, 3.0)


# ---- set by hand --------------------------------------------------------------------------------


def set_health(driver: Driver, *, value: bool, service: str = A0, ip: str = "10.0.0.7") -> Answer | None:
    return driver.ask(
        SetHealth(namespace="public", service=service, ip=ip, port=80, cluster="DEFAULT", healthy=value)
    )


def test_where_nobody_checks_health_is_what_it_is_set_to() -> None:
    """Checker NONE; where somebody checks, it is refused, as for what beats or is not there."""
    driver = checked()
    refused = set_health(driver, value=False)
    assert isinstance(refused, Refused)
    assert refused.message == f"health check is still working, service: {A0}"
    use(driver, Checker(kind=CheckerKind.NONE))
    assert isinstance(set_health(driver, value=False), Done)
    assert healthy(driver) == [False]
    driver.run(30.0)
    assert (probes(driver), healthy(driver)) == ([], [False])
    assert isinstance(set_health(driver, value=False, ip="10.0.0.9"), Refused)
    missing = set_health(driver, value=False, service=f"{A0}missing")
    assert missing is None or isinstance(missing, Refused)


# ---- how the others learn of it -----------------------------------------------------------------


def told(driver: Driver, *members: str) -> dict[str, list[InstanceHealth]]:
    """What each member was told since the last call; it takes all of it."""
    found: dict[str, list[InstanceHealth]] = {member: [] for member in members}
    for call, message in driver.take(InstanceHealth):
        found[call.target].append(message)
        driver.answer(call, Accepted())
    return found


def health_of(value: bool, service: str = A0, ip: str = "10.0.0.7") -> InstanceHealth:
    return InstanceHealth(((persistent_key("public", service), (((ip, 80, "DEFAULT"), value),)),))


def test_members_are_told_at_once_when_health_changes_and_again_every_period() -> None:
    """A foreign member is not: it would not understand."""
    driver = checked()
    own_kind(driver, S2)
    told(driver, S2)
    find(driver, REFUSED)
    assert told(driver, S2) == {S2: [health_of(False)]}
    driver.run(6.0)
    assert health_of(False) in told(driver, S2)[S2]


def test_what_nobody_has_found_out_is_not_told() -> None:
    """A node that was restarted knows of each instance only what its registration said."""
    driver = checked(ips=("10.0.0.7", "10.0.0.8"))
    own_kind(driver, S2)
    told(driver, S2)
    driver.run(5.0)
    assert told(driver, S2) == {S2: []}
    open_ones = probes(driver)
    end(driver, open_ones[0], OPEN)
    driver.run(5.0)
    ip = open_ones[0].target.partition(":")[0]
    assert told(driver, S2)[S2][0] == health_of(True, ip=ip)


def test_what_changes_while_a_member_is_being_told_follows() -> None:
    """One message at a time; the last word is the last health."""
    driver = checked()
    own_kind(driver, S2)
    told(driver, S2)
    use(driver, Checker(kind=CheckerKind.NONE))
    set_health(driver, value=False)
    set_health(driver, value=True)
    ((call, first),) = driver.take(InstanceHealth)
    assert first == health_of(False)
    driver.fail(call)
    ((call, second),) = driver.take(InstanceHealth)
    assert second == health_of(True)


def test_health_is_believed_of_the_owner_alone() -> None:
    """By one's own ring: two that disagree about owners do not overwrite each other."""
    driver = checked(B1)
    driver.hear(S3, health_of(False, B1))
    assert healthy(driver, B1) == [True]
    driver.hear(S2, health_of(False, B1))
    assert healthy(driver, B1) == [False]
    driver.hear(S2, health_of(True, B1, ip="10.9.9.9"))
    assert healthy(driver, B1) == [False]
    driver.hear(S2, health_of(False))
    driver.hear(S1, health_of(True, B1))
    assert healthy(driver, B1) == [False]
