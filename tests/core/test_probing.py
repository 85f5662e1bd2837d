"""Active checks as the responsible node does and judges them, and how the others learn of health (R19)."""

from dataclasses import replace

import pytest

from nodecore.core.commands import ChangedSwitches
from nodecore.core.events import RecordsApplied, Tick
from nodecore.core.findings import Finding, Found, Verdict, verdict
from nodecore.core.keys import SWITCH_KEY, persistent_key
from nodecore.core.records import Checker, CheckerKind, Instances, SwitchDomain
from tests.core.asking import listing
from tests.core.checks import (
    OPEN,
    REFUSED,
    SILENT,
    UNABLE,
    answered,
    checked,
    end,
    find,
    healthy,
    next_probe,
    probes,
    use,
)
from tests.core.driver import A0, B1, S1, S2, entry

pytestmark = pytest.mark.requirement("R19")


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
