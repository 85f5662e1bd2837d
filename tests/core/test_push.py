"""Who is pushed to, when, and what happens without an acknowledgement (R20)."""

import pytest

from nodecore.config import Limits
from nodecore.core.answers import SubscribersAnswer
from nodecore.core.events import Push, PushAcked
from nodecore.core.messages import SyncData, SyncDelete
from nodecore.core.operations import ListInstances, ListSubscribers
from nodecore.core.subscribers import Subscriber
from tests.core.asking import beat, deregister, listing, register
from tests.core.driver import A0, B1, S2, Driver, datum, entry, key, quietly, steady

pytestmark = pytest.mark.requirement("R20")

JAVA = "Nacos-Java-Client:v1.4.6"


def subscriber(port: int = 9001, agent: str = JAVA, clusters: str = "") -> Subscriber:
    return Subscriber(ip="10.9.9.9", port=port, agent=agent, clusters=clusters)


def pushes(driver: Driver) -> list[Push]:
    """Return the pushes since the last look."""
    found = [effect for effect in driver.said if isinstance(effect, Push)]
    driver.said = [effect for effect in driver.said if not isinstance(effect, Push)]
    return found


def ips(push: Push) -> list[str]:
    return [instance.ip for instance in push.listed.instances]


def subscribed(service: str = A0, *who: Subscriber, limits: Limits | None = None) -> Driver:
    """A node that holds one instance of A0, with these subscribers."""
    driver = steady(datum(A0, "10.0.0.1"), limits=limits)
    for each in who or (subscriber(),):
        listing(driver, service, subscriber=each)
    return driver


def test_a_change_is_pushed_after_a_tenth_of_a_second() -> None:
    """Not before: what changes meanwhile goes with it, as one list, read when it is sent."""
    driver = subscribed()
    driver.ask(register(entry(ip="10.0.0.2")))
    driver.run(0.05)
    driver.ask(register(entry(ip="10.0.0.3")))
    driver.run(0.04)
    assert pushes(driver) == []
    driver.run(0.02)
    (push,) = pushes(driver)
    assert ips(push) == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    assert push.subscriber == subscriber()
    driver.run(1.0)
    assert pushes(driver) == [], "once"


def test_whatever_changes_a_list_is_pushed() -> None:
    """A peer's change and delete, health lost and regained, a deregistration; an empty list too."""
    driver = subscribed()

    def after(seconds: float = 0.2) -> list[tuple[str, bool]]:
        driver.run(seconds)
        (push,) = pushes(driver)
        driver.feed(PushAcked(port=9001, ref=push.ref))
        listing(driver, subscriber=subscriber())
        return [(instance.ip, instance.healthy) for instance in push.listed.instances]

    driver.hear(S2, SyncData((datum(A0, "10.0.0.1", "10.0.0.2"),)))
    assert after() == [("10.0.0.1", True), ("10.0.0.2", True)]
    driver.hear(S2, SyncDelete((key(A0),)))
    assert after() == []
    driver.ask(register(entry()))
    assert after() == [("10.0.0.1", True)]
    for _ in range(4):
        quietly(driver, 5.0)
        listing(driver, subscriber=subscriber())
    assert after() == [("10.0.0.1", False)]
    driver.ask(beat())
    assert after() == [("10.0.0.1", True)]
    driver.ask(deregister(A0))
    assert after() == []


def test_only_subscribers_of_that_service_and_cluster_learn() -> None:
    """Each is sent the clusters it asked for; another service's change concerns nobody here."""
    whole, one = subscriber(9001), subscriber(9002, clusters="c1, c2")
    driver = subscribed(A0, whole, one)
    driver.hear(S2, SyncData((datum(B1, "10.0.0.1"),)))
    driver.run(0.2)
    assert pushes(driver) == []
    driver.ask(register(entry(ip="10.0.0.5", cluster="c1")))
    driver.run(0.2)
    first, second = pushes(driver)
    assert (first.subscriber, ips(first)) == (whole, ["10.0.0.1", "10.0.0.5"])
    assert (second.subscriber, ips(second)) == (one, ["10.0.0.5"])
    assert first.ref != second.ref


def test_without_an_acknowledgement_there_is_one_resend() -> None:
    """The same packet after 10 s; then it is given up."""
    driver = subscribed()
    driver.ask(register(entry(ip="10.0.0.2")))
    driver.run(0.2)
    (first,) = pushes(driver)
    driver.run(9.8)
    assert pushes(driver) == []
    driver.run(0.2)
    assert pushes(driver) == [first]
    driver.run(60.0)
    assert pushes(driver) == []
    assert [line["ref"] for line in driver.logged("push_not_acknowledged")] == [str(first.ref)]


def test_an_acknowledged_push_is_not_sent_again() -> None:
    """Only an acknowledgement from that port with that reference counts, whatever address it comes from."""
    driver = subscribed()
    driver.ask(register(entry(ip="10.0.0.2")))
    driver.run(0.2)
    (push,) = pushes(driver)
    for port, ref in ((9002, push.ref), (9001, push.ref + 1), (9001, -1)):
        driver.feed(PushAcked(port=port, ref=ref))
    driver.run(10.0)
    assert pushes(driver) == [push], "none of these was its acknowledgement"
    driver.feed(PushAcked(port=9001, ref=push.ref))
    driver.feed(PushAcked(port=9001, ref=push.ref))
    driver.run(30.0)
    assert pushes(driver) == []
    assert driver.logged("push_not_acknowledged") == []


def test_a_newer_push_takes_the_place_of_one_not_acknowledged() -> None:
    """The older list is not sent again after the newer one: clients would go back in time."""
    driver = subscribed()
    refs = []
    for number in (2, 3):
        driver.ask(register(entry(ip=f"10.0.0.{number}")))
        driver.run(0.2)
        (push,) = pushes(driver)
        refs.append(push.ref)
    driver.run(11.0)
    (again,) = pushes(driver)
    assert again.ref == refs[1] > refs[0]
    assert ips(again) == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]


def test_a_subscription_lapses_ten_seconds_after_the_last_list_call() -> None:
    """Each list call renews it; who has lapsed is no longer shown, and forgotten by and by."""
    driver = subscribed()
    driver.run(9.0)
    listing(driver, subscriber=subscriber())
    driver.run(9.95)
    driver.ask(register(entry(ip="10.0.0.2")))
    driver.run(0.15)
    assert pushes(driver) == [], "it lapsed while the change waited"
    listing(driver, subscriber=subscriber())
    driver.ask(register(entry(ip="10.0.0.3")))
    driver.run(0.15)
    assert len(pushes(driver)) == 1
    quietly(driver, 40.0)
    assert driver.ask(ListSubscribers(namespace="public", service=A0)) == SubscribersAnswer(())
    assert driver.node._pushes._listed == {}


def test_who_polls_only_is_told_to_ask_again_sooner() -> None:
    """10 s for whom is pushed to, 3 s for all others, in real seconds."""
    driver = subscribed(A0, subscriber(9001))
    assert listing(driver).cache_s == 3.0
    assert listing(driver, subscriber=subscriber()).cache_s == 10.0
    assert listing(driver, subscriber=subscriber(agent="Nacos-Python-Client:v1.0.0")).cache_s == 3.0
    assert listing(driver, B1, subscriber=subscriber()).cache_s == 10.0, "also of a service nobody knows yet"
    driver.hear(S2, SyncData((datum(B1, "10.0.0.1"),)))
    driver.run(0.2)
    assert [push.listed.cache_s for push in pushes(driver)] == [10.0]


@pytest.mark.parametrize(
    ("agent", "pushed"),
    [
        ("Nacos-Java-Client:v1.4.6", True),
        ("Nacos-Java-Client:v1.0.0", True),
        ("Nacos-Java-Client:v0.0.9", False),
        ("Nacos-Java-Client", False),
        ("Nacos-Go-Client:v1.1.5", True),
        ("Nacos-C-Client:v1.0.11", False),
        ("Nacos-C-Client:v1.0.12", True),
        ("Nacos-CSharp-Client:v0.10.0-beta", True),
        ("Nacos-DNS:v0.4.3", True),
        ("Nacos-Python-Client:v1.0.0", False),
        ("cutheal-agent", False),
        ("", False),
    ],
)
def test_the_user_agents_that_are_pushed_to(agent: str, pushed: bool) -> None:
    """Names and least versions of the original; a version that is no number is 0."""
    assert subscriber(agent=agent).takes_push is pushed


def test_who_comes_when_the_place_is_taken_polls() -> None:
    """The limit bounds memory; who is subscribed already stays so."""
    first, second = subscriber(9001), subscriber(9002)
    driver = subscribed(A0, first, limits=Limits(subscribers_max=1))
    assert listing(driver, subscriber=second).cache_s == 3.0
    assert listing(driver, subscriber=first).cache_s == 10.0
    answer = driver.ask(ListSubscribers(namespace="public", service=A0))
    assert isinstance(answer, SubscribersAnswer)
    assert [s.subscriber for s in answer.subscriptions] == [first]


def test_namespaces_have_their_own_subscribers() -> None:
    """The same name elsewhere is another service."""
    driver = subscribed()
    driver.ask(ListInstances(namespace="other", service=A0, subscriber=subscriber(9009)))
    driver.ask(register(entry(ip="10.0.0.2")))
    driver.run(0.2)
    assert [push.subscriber.port for push in pushes(driver)] == [9001]


def test_references_grow_and_fit_into_a_javascript_number() -> None:
    """Below 2^53, also on a machine that has been up for a year."""
    driver = subscribed(A0, *(subscriber(port) for port in range(9001, 9010)))
    driver.ask(register(entry(ip="10.0.0.2")))
    driver.run(0.2)
    refs = [push.ref for push in pushes(driver)]
    assert refs == sorted(set(refs))
    driver.now += 366 * 86400.0
    driver.run(30.0)
    pushes(driver)
    listing(driver, subscriber=subscriber())
    driver.ask(register(entry(ip="10.0.0.3")))
    driver.run(0.2)
    assert [0 < push.ref < 2**53 for push in pushes(driver)] == [True]
