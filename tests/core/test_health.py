"""How the others learn of the health that the responsible node has found, and who may set it (R19)."""

import pytest

from nodecore.core.answers import Answer, Done, Refused
from nodecore.core.keys import persistent_key
from nodecore.core.messages import Accepted, InstanceHealth
from nodecore.core.operations import SetHealth
from nodecore.core.records import Checker, CheckerKind
from tests.core.checks import OPEN, REFUSED, checked, end, find, healthy, own_kind, probes, use
from tests.core.driver import A0, B1, S1, S2, S3, Driver

pytestmark = pytest.mark.requirement("R19")


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
