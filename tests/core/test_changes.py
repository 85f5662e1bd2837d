"""Patches and metadata batches in a cluster: done by the owner, told to all, or to nobody (R10, R11)."""

import pytest

from nodecore.core.answers import Done, Refused, UpdatedAnswer
from nodecore.core.events import Reply
from nodecore.core.messages import Forward, ForwardAnswer, SyncData
from nodecore.core.operations import ChangeMetadata, PatchInstance
from nodecore.core.records import InstanceId
from tests.core.asking import register
from tests.core.driver import A0, B1, S1, S2, S3, datum, entry, key, steady

FIRST: InstanceId = ("10.0.0.1", 80, "DEFAULT")


def patch(service: str = A0, **fields: object) -> PatchInstance:
    return PatchInstance(
        namespace="public", service=service, ip="10.0.0.1", port=80, cluster="DEFAULT", **fields
    )  # type: ignore[arg-type]


def change(
    *pairs: tuple[str, str],
    service: str = A0,
    remove: bool = False,
    instances: tuple[InstanceId, ...] | None = None,
) -> ChangeMetadata:
    return ChangeMetadata(
        namespace="public", service=service, metadata=pairs, remove=remove, instances=instances
    )


@pytest.mark.requirement("R11")
def test_a_patch_reaches_every_other_member() -> None:
    """As the whole list, like any write."""
    driver = steady(datum(A0, "10.0.0.1", "10.0.0.2"))
    assert driver.ask(patch(weight=3.0, enabled=False)) == Done()
    driver.run(1.0)
    for member in (S2, S3):
        ((_, message),) = driver.take(SyncData, member)
        patched, other = message.data[0].value.instances  # type: ignore[union-attr]
        assert (patched.weight, patched.enabled, patched.healthy) == (3.0, False, True)
        assert other == entry(ip="10.0.0.2")


@pytest.mark.requirement("R10")
@pytest.mark.parametrize("operation", [patch(B1, weight=3.0), change(("k", "v"), service=B1)])
def test_a_patch_goes_to_the_owner(operation: PatchInstance | ChangeMetadata) -> None:
    """And its answer comes back as it is; forwarded to who is not the owner it is refused."""
    driver = steady()
    assert driver.ask(operation) is None
    ((call, message),) = driver.take(Forward)
    assert (call.target, message.operation) == (driver.owner(B1), operation)
    assert [e for e in driver.answer(call, ForwardAnswer(Done())) if isinstance(e, Reply)]
    refused = driver.ask(operation, forwarded_by=S3)
    assert isinstance(refused, Refused)
    assert refused.status == 400


def test_what_is_not_there_is_not_patched() -> None:
    """Neither the instance nor the service comes into being."""
    driver = steady(datum(A0, "10.0.0.2"))
    for operation in (patch(weight=2.0), change(("k", "v"), service=driver_service_of_s1())):
        refused = driver.ask(operation)
        assert isinstance(refused, Refused)
        assert refused.definite
    driver.run(1.0)
    assert driver.take(SyncData) == []


def test_metadata_change_by_name() -> None:
    """Set in some or in all, taken out of all; the answer names who was updated."""
    driver = steady()
    for ip in ("10.0.0.1", "10.0.0.2"):
        driver.ask(register(entry(ip=ip, metadata=(("a", "1"), ("b", "2")))))
    answer = driver.ask(change(("b", "9"), ("c", "3"), instances=(FIRST, ("10.9.9.9", 1, "x"))))
    assert isinstance(answer, UpdatedAnswer)
    assert [instance.ip for instance in answer.instances] == ["10.0.0.1"]
    assert metadata(driver.state().data[0].value) == [
        (("a", "1"), ("b", "9"), ("c", "3")),
        (("a", "1"), ("b", "2")),
    ]
    driver.ask(change(("b", "whatever"), remove=True))
    assert metadata(driver.state().data[0].value) == [(("a", "1"), ("c", "3")), (("a", "1"),)]


def test_a_change_to_what_is_already_so_is_told_to_nobody() -> None:
    """Nothing to send, nothing to notify."""
    driver = steady(datum(A0, "10.0.0.1"))
    before = len(driver.notified())
    driver.ask(patch(weight=1.0))
    driver.ask(change(("k", ""), remove=True))
    driver.run(1.0)
    assert driver.take(SyncData) == []
    assert len(driver.notified()) == before


def metadata(value: object) -> list[object]:
    return [instance.metadata for instance in value.instances]  # type: ignore[attr-defined]


def driver_service_of_s1() -> str:
    """A service that S1 owns and nobody registered."""
    driver = steady()
    names = (f"DEFAULT_GROUP@@Nobody{number}" for number in range(100))
    return next(name for name in names if driver.owner(name) == S1 and key(name))
