"""Pushes to subscribers (R20): who waits for which service, what is due, and what was not acknowledged.

As the original does it (nacos-1.4.md 9.4), with changes coalesced for 0.1 s instead of 1 s. Two deviations
keep a client from going back in time: a newer push replaces an older one that still waits for its
acknowledgement, and the list is read when it is sent, not when it changed. Invariant: a push is sent at
most twice, and only to who asked for that list within the last `push_cache_s`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from nodecore.config import Limits, Timings
from nodecore.core.answers import InstancesAnswer, Subscription
from nodecore.core.events import Effect, Notify, Push, PushAcked
from nodecore.core.keys import is_ephemeral, is_persistent, namespace_of, service_of
from nodecore.core.outward import Outward
from nodecore.core.subscribers import Subscriber
from nodecore.core.switches import Switches
from nodecore.core.timers import earliest

REFS = 2**53
"""Every reference is below this: npm's client reads it as a JavaScript number."""

ServiceName = tuple[str, str]
"""Namespace and grouped name."""

ReadList = Callable[[str, str, tuple[str, ...]], InstancesAnswer]
"""The list of namespace, grouped name and clusters, as a client would be answered."""


Recipient = tuple[ServiceName, Subscriber]


@dataclass(frozen=True, slots=True)
class Unacknowledged:
    """A push that was sent, and when it is sent again, or given up when it was already."""

    recipient: Recipient
    push: Push
    due: float
    again: bool = False


class Pushes:
    """Subscriptions of this node's own clients. All times are real seconds."""

    def __init__(self, out: Outward, timings: Timings, limits: Limits, switches: Switches) -> None:
        self._out = out
        self._switches = switches
        self._timings = timings
        self._subscribers_max = limits.subscribers_max
        self._listed: dict[ServiceName, dict[Subscriber, float]] = {}
        self.count = 0
        """Of all subscribers in `_listed`."""
        # Both in the order in which they are due, for what is added waits as long as all others do.
        self._changed: dict[ServiceName, float] = {}
        self._sent: dict[int, Unacknowledged] = {}
        self._latest: dict[Recipient, int] = {}
        self._sweep_due: float | None = None
        self._last_ref = 0

    # ---- who is pushed to ------------------------------------------------------------------------

    def subscribe(self, namespace: str, service: str, subscriber: Subscriber, now: float) -> bool:
        """Note that a client asked for a list; return whether it will be pushed to."""
        if not (subscriber.takes_push and self._switches.now.push_enabled):
            return False
        subscribers = self._listed.setdefault((namespace, service), {})
        if subscriber not in subscribers and self.count >= self._subscribers_max:
            self._out.log("warning", "subscribers_max", refused=f"{subscriber.ip}:{subscriber.port}")
            return False
        self.count += subscriber not in subscribers
        subscribers[subscriber] = now
        if self._sweep_due is None:
            self._sweep_due = now + self._sweep_period_s
        return True

    def subscriptions(self, namespace: str, service: str, now: float) -> tuple[Subscription, ...]:
        """Return who is pushed to now, in the order in which they came."""
        return tuple(
            Subscription(namespace=namespace, service=service, subscriber=subscriber)
            for subscriber in self._live((namespace, service), now)
        )

    def forget_all(self) -> None:
        """Push to nobody and wait for no acknowledgement; references stay unique."""
        for waiting in (self._listed, self._changed, self._sent, self._latest):
            waiting.clear()
        self._sweep_due = None
        self.count = 0

    # ---- what is due -----------------------------------------------------------------------------

    def note(self, effects: Iterable[Effect], now: float) -> None:
        """Take note of the changes that an event made: who subscribed learns of them when they are due."""
        for effect in effects:
            if isinstance(effect, Notify) and (is_ephemeral(effect.key) or is_persistent(effect.key)):
                name = (namespace_of(effect.key), service_of(effect.key))
                if self._listed.get(name):
                    self._changed.setdefault(name, now + self._timings.push_delay_s)

    def acked(self, ack: PushAcked) -> None:
        """A client has a push; an acknowledgement of nothing that waits for one is nobody's business.

        The original compares the address too. Here a reference is of one push alone, and a client on this
        machine that names its public address acknowledges from the loopback one.
        """
        sent = self._sent.get(ack.ref)
        if sent is not None and ack.port == sent.push.subscriber.port:
            self._forget(sent)

    def next_due(self) -> float | None:
        """Return when there is something to push, to resend, or to forget."""
        oldest = next((sent.due for sent in self._sent.values()), None)
        return earliest(self._sweep_due, next(iter(self._changed.values()), None), oldest)

    def advance(self, now: float, read_list: ReadList) -> None:
        """Push what has changed, resend what was not acknowledged, forget who asks no more."""
        for name in [name for name, due in self._changed.items() if due <= now]:
            del self._changed[name]
            for subscriber in self._live(name, now):
                self._push(name, subscriber, read_list, now)
        for sent in [sent for sent in self._sent.values() if sent.due <= now]:
            self._resend(sent, now)
        if self._sweep_due is not None and now >= self._sweep_due:
            self._sweep(now)

    # ---- doing it --------------------------------------------------------------------------------

    def _push(self, name: ServiceName, subscriber: Subscriber, read_list: ReadList, now: float) -> None:
        listed = read_list(*name, subscriber.cluster_names)
        before = self._sent.get(self._latest.get((name, subscriber), -1))
        if before is not None:
            self._forget(before)
        push = Push(ref=self._next_ref(now), subscriber=subscriber, listed=listed)
        self._send((name, subscriber), push, now, again=False)

    def _resend(self, sent: Unacknowledged, now: float) -> None:
        """Send the same packet once more; also to a client that asks no more, as the original does."""
        self._forget(sent)
        (_, service), subscriber = sent.recipient
        event = "push_not_acknowledged" if sent.again else "push_again"
        to = f"{subscriber.ip}:{subscriber.port}"
        self._out.log("info", event, to=to, service=service, ref=sent.push.ref)
        if not sent.again:
            self._send(sent.recipient, sent.push, now, again=True)

    def _send(self, recipient: Recipient, push: Push, now: float, *, again: bool) -> None:
        due = now + self._timings.push_ack_timeout_s
        self._sent[push.ref] = Unacknowledged(recipient, push, due, again)
        self._latest[recipient] = push.ref
        self._out.add(push)

    def _forget(self, sent: Unacknowledged) -> None:
        del self._sent[sent.push.ref]
        del self._latest[sent.recipient]

    def _next_ref(self, now: float) -> int:
        """Return nanoseconds of the monotonic clock, later than the last one, within what clients read."""
        self._last_ref = max(int(now * 1e9), self._last_ref + 1)
        return self._last_ref % REFS

    # ---- who asks no more ------------------------------------------------------------------------

    @property
    def _sweep_period_s(self) -> float:
        return 2 * self._switches.push_cache_s

    def _live(self, name: ServiceName, now: float) -> list[Subscriber]:
        listed = self._listed.get(name, {}) if self._switches.now.push_enabled else {}
        return [s for s, last in listed.items() if now - last <= self._switches.push_cache_s]

    def _sweep(self, now: float) -> None:
        for name in list(self._listed):
            live = self._live(name, now)
            self._listed[name] = {subscriber: self._listed[name][subscriber] for subscriber in live}
            if not live:
                del self._listed[name]
        self.count = sum(map(len, self._listed.values()))
        self._sweep_due = now + self._sweep_period_s if self._listed else None
