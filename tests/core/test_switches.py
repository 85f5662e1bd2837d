"""Switches: what each does to a running node, on that node alone."""

import pytest

from nodecore.core.answers import Answer, BeatAnswer, Done, Refused
from nodecore.core.enquiries import (
    ChangeSwitches,
    MetricsAnswer,
    ReadMetrics,
    ReadServices,
    ReadSwitches,
    ServicesAnswer,
    SwitchesAnswer,
)
from nodecore.core.operations import CreateService, ListInstances
from nodecore.core.records import ServerStatus, Service
from tests.core.asking import beat, deregister, listing, register
from tests.core.driver import A0, B1, S2, Driver, datum, entry, quietly, steady


def turn(driver: Driver, **changes: object) -> None:
    assert driver.ask(ChangeSwitches(tuple(changes.items()))) == Done()


def status_of(answer: Answer | None) -> int:
    return answer.status if isinstance(answer, Refused) else 200


@pytest.mark.requirement("R6")
def test_switches_are_those_of_one_node_and_can_be_read() -> None:
    """The log says what was turned."""
    driver = steady()
    turn(driver, push_enabled=False, check_times=5)
    answer = driver.ask(ReadSwitches())
    assert isinstance(answer, SwitchesAnswer)
    assert (answer.switches.push_enabled, answer.switches.check_times) == (False, 5)
    assert driver.logged("switches_changed")[-1] == {"push_enabled": "False", "check_times": "5"}
    other = steady(own=S2).ask(ReadSwitches())
    assert isinstance(other, SwitchesAnswer)
    assert other.switches.push_enabled


@pytest.mark.requirement("R18")
def test_with_health_checks_off_nobody_is_judged_and_with_them_on_again_they_are() -> None:
    """Beats go on being noted, so who did beat meanwhile is safe."""
    driver = steady()
    driver.ask(register(entry()))
    driver.ask(register(entry(ip="10.0.0.2")))
    turn(driver, health_check_enabled=False)
    for _ in range(20):
        quietly(driver, 5.0)
        driver.ask(beat())
    assert driver.health(A0) == [True, True]
    turn(driver, health_check_enabled=True)
    quietly(driver, 5.1)
    assert driver.ips(A0) == ["10.0.0.1"]


@pytest.mark.requirement("R18")
def test_services_on_the_white_list_are_judged_all_the_same() -> None:
    """By their grouped names."""
    driver = steady()
    driver.ask(register(entry()))
    turn(driver, health_check_enabled=False, health_check_white_list=(A0,))
    quietly(driver, 36.0)
    assert driver.ips(A0) == []


@pytest.mark.requirement("R18")
def test_clients_are_told_how_often_to_beat_and_how() -> None:
    """In real milliseconds, as on the wire; an instance's own interval goes before."""
    driver = steady()
    turn(driver, client_beat_interval_ms=1500, light_beat_enabled=False)
    own = entry(ip="10.0.0.1", metadata=(("preserved.heart.beat.interval", "700"),))
    driver.ask(register(entry()))
    assert driver.ask(beat()) == BeatAnswer(interval_s=1.5, known=True, light_beats=False)
    driver.ask(register(own))
    assert driver.ask(beat()) == BeatAnswer(interval_s=0.7, known=True, light_beats=False)


@pytest.mark.parametrize("status", list(ServerStatus))
def test_an_overridden_status_lets_through_what_its_name_says(status: ServerStatus) -> None:
    """Members always, operators always, clients by whether they read or write."""
    driver = steady(datum(A0, "10.0.0.1"))
    turn(driver, overridden_server_status=status)
    reads = status in (ServerStatus.UP, ServerStatus.READ_ONLY)
    writes = status in (ServerStatus.UP, ServerStatus.WRITE_ONLY)
    read = [ListInstances(namespace="public", service=A0), ReadServices()]
    write = [register(entry()), beat(), CreateService(service=Service(namespace="public", name=B1))]
    assert {status_of(driver.ask(asked)) for asked in read} == {200 if reads else 503}
    assert {status_of(driver.ask(asked)) for asked in write} == {200 if writes else 503}
    assert driver.ask(register(entry()), forwarded_by=S2) == Done()
    metrics = driver.ask(ReadMetrics())
    assert isinstance(metrics, MetricsAnswer)
    assert metrics.status is status


def test_a_node_that_has_not_loaded_calls_itself_starting_whatever_it_counts() -> None:
    """And being overridden does not make it serve what it has not."""
    driver = Driver()
    driver.feed_tick()
    metrics = driver.ask(ReadMetrics())
    assert isinstance(metrics, MetricsAnswer)
    assert metrics.status is ServerStatus.STARTING
    turn(driver, overridden_server_status=ServerStatus.UP)
    assert status_of(driver.ask(register(entry()))) == 503


def test_metrics_count_services_without_instances_and_tell_whose_they_are() -> None:
    """Created here, emptied here, owned elsewhere."""
    driver = steady(datum(A0, "10.0.0.1"), datum(B1, "10.0.0.2", "10.0.0.3"))
    driver.ask(CreateService(service=Service(namespace="other", name="g@@made")))
    driver.ask(deregister(A0))
    metrics = driver.ask(ReadMetrics())
    assert isinstance(metrics, MetricsAnswer)
    assert (metrics.services, metrics.instances) == (3, 2)
    owned = [name for name in (A0, B1, "g@@made") if driver.owner(name) == driver.own]
    assert metrics.services_owned == len(owned)
    assert metrics.instances_owned == (2 if B1 in owned else 0)


def test_lists_are_kept_as_long_as_the_switch_says() -> None:
    """By a client that polls."""
    driver = steady(datum(A0, "10.0.0.1"))
    turn(driver, default_cache_ms=7000)
    assert listing(driver).cache_s == 7.0


def test_all_services_are_read_in_order_of_their_names() -> None:
    """Of all namespaces, of one, or one alone; what is unknown is nothing."""
    driver = steady(datum(B1, "10.0.0.2"), datum(A0, "10.0.0.1"))
    driver.ask(CreateService(service=Service(namespace="other", name=A0)))

    def read(**which: str) -> list[tuple[str, str]]:
        answer = driver.ask(ReadServices(**which))
        assert isinstance(answer, ServicesAnswer)
        return [(view.service.namespace, view.service.name) for view in answer.services]

    assert read() == [("other", A0), ("public", A0), ("public", B1)]
    assert read(namespace="public") == [("public", A0), ("public", B1)]
    assert read(namespace="other", service=A0) == [("other", A0)]
    assert read(namespace="other", service=B1) == []
