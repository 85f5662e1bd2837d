"""Beats, who judges them and when, and deregistration (R18, R27)."""

from dataclasses import replace

import pytest

from nodecore.core.answers import BeatAnswer, Done
from nodecore.core.judge import Judge
from nodecore.core.messages import (
    Report,
    ReportAnswer,
    SyncData,
    Verify,
)
from nodecore.core.records import Instances, Metadata
from tests.core.asking import beat, deregister, register
from tests.core.driver import A0, B1, C5, S1, S2, S3, datum, entry, key, quietly, steady


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


# ---- what a period costs -------------------------------------------------------------------------------


def test_a_period_looks_only_at_who_may_have_been_silent_for_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who registered at 0 s and beat at 9 s cannot be due at 10 s or 20 s."""
    looked: list[str] = []
    real = Judge._judge_list

    def noted(self: Judge, key: str, instances: Instances, now: float) -> None:
        looked.append(key)
        real(self, key, instances, now)

    driver = steady()
    driver.ask(register(entry(A0)))
    driver.until(5.0)
    monkeypatch.setattr(Judge, "_judge_list", noted)
    driver.until(9.0)
    driver.ask(beat(A0))
    driver.until(14.0)
    assert looked == []
    driver.until(24.0)
    assert driver.health(A0) == [True]
    driver.until(30.0)
    assert driver.health(A0) == [False]
    assert looked == [key(A0)] * 2, "at 15 s, 15 s after its registration, and at 25 s"
