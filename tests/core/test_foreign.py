"""What a foreign member is told of health, and when it is not (R15, reference 6.4)."""

import pytest

from nodecore.core.answers import Refused
from nodecore.core.messages import Accepted, ServiceStatus
from tests.core.asking import beat, register
from tests.core.driver import A0, S1, S2, S3, Driver, entry, key, quietly, steady

ASKS = ServiceStatus(namespace="public", checksums=())
IMPATIENT = (("preserved.heart.beat.timeout", "4000"), ("preserved.ip.delete.timeout", "3600000"))

pytestmark = pytest.mark.requirement("R15")


def told(driver: Driver) -> list[ServiceStatus]:
    """What S2 is told in return for its status; each call is answered."""
    assert driver.hear(S2, ASKS) == Accepted()
    calls = driver.take(ServiceStatus, S2)
    for call, _ in calls:
        driver.answer(call, Accepted())
    return [message for _, message in calls]


def ill(driver: Driver) -> None:
    driver.ask(register(entry(metadata=IMPATIENT)))
    quietly(driver, 10.0)
    assert driver.health(A0) == [False]


def test_where_all_are_well_nothing_is_told() -> None:
    """A cluster without a foreign member or without ill instances has no such calls."""
    driver = steady()
    driver.ask(register(entry()))
    assert told(driver) == []
    ill(driver)
    assert driver.take(ServiceStatus) == []


def test_a_foreign_member_is_told_of_the_ill_and_three_times_of_the_well_again() -> None:
    """In return for each of its own; the last answer may be lost, so once is not enough."""
    driver = steady()
    ill(driver)
    for _ in range(5):
        (message,) = told(driver)
        assert message.namespace == "public"
        assert message.checksums == ((A0, driver.node._replica.store.checksum(key(A0))),)
    driver.ask(beat())
    assert driver.health(A0) == [True]
    assert [len(told(driver)) for _ in range(4)] == [1, 1, 0, 0]


def test_only_the_owner_tells_and_one_call_at_a_time() -> None:
    """The next status is answered when the last answer has arrived or failed."""
    driver = steady()
    ill(driver)
    driver.hear(S2, ASKS)
    ((call, _),) = driver.take(ServiceStatus)
    driver.hear(S2, ASKS)
    assert driver.take(ServiceStatus) == []
    driver.fail(call)
    assert len(told(driver)) == 1
    driver.hear(S3, ASKS)
    assert [call.target for call, _ in driver.take(ServiceStatus)] == [S3]


@pytest.mark.parametrize("source", ["10.9.9.9:1", S1, ""])
def test_who_is_no_other_member_is_told_nothing(source: str) -> None:
    """The original answers 400 too."""
    driver = steady()
    ill(driver)
    refused = driver.hear(source, ASKS)
    assert isinstance(refused, Refused)
    assert refused.status == 400
    assert driver.take(ServiceStatus) == []
