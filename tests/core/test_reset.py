"""A reset: the node is as it was just after loading, and is refused where something could come back."""

from nodecore.core.answers import Answer, Done, Refused, SubscribersAnswer
from nodecore.core.enquiries import ChangeSwitches, ReadServices, ResetNode, ServicesAnswer
from nodecore.core.events import Change
from nodecore.core.messages import Accepted, SyncData
from nodecore.core.operations import CreateService, ListSubscribers
from nodecore.core.records import Service
from tests.core.asking import listing, register
from tests.core.driver import A0, B1, C5, S2, S3, Driver, datum, entry, key, steady
from tests.core.test_push import subscriber


def why_refused(answer: Answer | None, status: int = 409) -> str:
    assert isinstance(answer, Refused), answer
    assert answer.status == status
    return answer.message


def test_a_reset_forgets_everything_but_the_members() -> None:
    """Data, metadata, subscribers and what waits to be sent; listeners hear of each key that goes."""
    driver = steady(datum(B1, "10.0.0.9"))
    driver.ask(register(entry()))
    driver.ask(CreateService(service=Service(namespace="public", name=C5)))
    listing(driver, A0, subscriber=subscriber())
    assert driver.state().pending > 0
    assert driver.ask(ResetNode()) == Done()
    state = driver.state()
    assert (state.data, state.pending, state.calls) == ((), 0, 0)
    assert len(state.ring) == 3
    gone = {notify.key for notify in driver.notified() if notify.change is Change.DELETE}
    assert gone == {key(A0), key(B1)}
    assert driver.ask(ReadServices()) == ServicesAnswer(())
    assert driver.ask(ListSubscribers(namespace="public", service=A0)) == SubscribersAnswer(())
    driver.run(2.0)
    assert driver.take(SyncData) == []


def test_a_node_that_was_reset_works_as_before() -> None:
    """It takes a write, sends it to all, and lists it."""
    driver = steady()
    assert driver.ask(ResetNode()) == Done()
    driver.ask(register(entry()))
    driver.run(1.0)
    assert [call.target for call, _ in driver.take(SyncData)] == [S2, S3]
    assert [instance.ip for instance in listing(driver).instances] == ["10.0.0.1"]


def test_a_reset_waits_for_calls_that_carry_data() -> None:
    """What is on its way to a member would be there after that member's own reset."""
    driver = steady()
    driver.ask(register(entry()))
    driver.run(1.0)
    calls = driver.take(SyncData)
    assert driver.state().calls == len(calls) == 2
    assert "calls that carry data are open" in why_refused(driver.ask(ResetNode()), status=503)
    assert driver.ips(A0) == ["10.0.0.1"]
    for call, _ in calls:
        driver.answer(call, Accepted())
    assert driver.ask(ResetNode()) == Done()


def test_a_node_whose_switches_were_changed_is_not_reset() -> None:
    """Nor one that has not loaded or does not see all members."""
    driver = steady()
    driver.ask(ChangeSwitches((("push_enabled", False),)))
    assert "its switches were changed" in why_refused(driver.ask(ResetNode()))
    driver.ask(ChangeSwitches((("push_enabled", True),)))
    assert driver.ask(ResetNode()) == Done()
    fresh = Driver()
    fresh.feed_tick()
    refusal = why_refused(fresh.ask(ResetNode()))
    assert "has not loaded" in refusal
    assert "not every member is UP" in refusal
