"""All links of one cluster: made, cut, healed, verified, and restored on another link server.

Invariant: the ledger is the truth. What the link server has is made to follow it, and every cut and heal is
compared with it, by the server's own view and by probes, before the call returns (design section 6).
"""

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from threading import RLock
from typing import TYPE_CHECKING

from harness.cuts import Cut
from harness.links.api import LinkServerDied, ToxiproxyApi
from harness.links.datagrams import Datagrams
from harness.links.effects import Effects
from harness.links.ends import Condition, Ends
from harness.links.faults import Hold, Ledger, LossObserver, effects_of_all
from harness.links.link import Link, socket_address
from harness.links.matrix import FaultNotInForce, Matrix, Outcome, answers_stay_away, expected_trips
from harness.links.prober import Prober
from harness.links.targets import TargetNotAnswering, Targets
from harness.links.verify import Finding, Verifier
from harness.links.wiring import View, Wiring
from harness.program import PROBE_PATH
from harness.topology import Edge

if TYPE_CHECKING:
    from toxiproxy import Toxiproxy

HELD_PATIENCE_REAL_S = 5.0
"""How long the answer to a probe that was held is waited for, once nothing holds it any more."""


class Links:
    """The links of one cluster on one link server. Its methods may be called from any thread.

    Args:
        api: the link server.
        prefix: before the name of every proxy, so that several clusters can share a server.
        probe_path: where every target takes probes; None: it cannot, so that connections alone are looked
            at, and what they cannot show is reported as configured, not probed.
        secret: the password of the nodes' Raft cluster, by which their Raft ports take probes.

    """

    def __init__(
        self, api: ToxiproxyApi, prefix: str = "", probe_path: str | None = PROBE_PATH, secret: str = ""
    ) -> None:
        self._lock = RLock()
        self._ledger = Ledger()
        self._wiring = Wiring(api, prefix)
        self._targets = Targets(probe_path, secret)
        self._prober = Prober(self._targets)
        self._verifier = Verifier(self._wiring, self._ledger, self._prober)
        self._ends = Ends(self._wiring, self._ledger, self._prober, self._verifier)
        self.cuts_made: set[Cut] = set()

    @property
    def server(self) -> ToxiproxyApi:
        """Return the link server: its backend, version and API address."""
        return self._wiring.api

    @property
    def links(self) -> tuple[Link, ...]:
        """Return all links in the order in which they were added."""
        return tuple(self._wiring.links.values())

    def proxy_name(self, link: Link) -> str:
        """Return the name of a link's proxy on the link server."""
        return self._wiring.proxy_name(link)

    def toxiproxy(self) -> "Toxiproxy":
        """Return a toxiproxy-python client; what it changes shows in the next verification."""
        from toxiproxy import Toxiproxy  # noqa: PLC0415 - 0.1 s that only its users pay

        client = Toxiproxy()
        client.update_api_consumer(*socket_address(self.server.api_address))
        return client

    # ---- making links ----

    def add(self, links: Sequence[Link]) -> None:
        """Make links, and a control proxy for each address they lead to, in one call.

        A fault in force acts on the links that were there when it was made: those added meanwhile, such as
        of an agent started during a partition, are whole, though its party be cut from all others.

        Args:
            links: their targets need not listen yet; the first verification waits for them.

        Raises:
            ValueError: a link of that name exists, or is given twice.
            ApiError: a port is taken; none of the links is made.
            LinkServerDied: no answer.

        """
        with self._lock:
            for target in self._wiring.add(links, self._ledger.effects_on):
                self._targets.add(target)

    def remove(self, party: str) -> None:
        """Remove every link from or to a party.

        Raises:
            LinkServerDied: no answer.

        """
        with self._lock:
            gone = [link for link in self.links if party in (link.source, link.target)]
            for link in gone:
                self._prober.retire(link.name)
            for upstream in self._wiring.remove(gone):
                self._targets.remove(upstream)
            if self._verifier.datagrams:
                self._verifier.datagrams.remove(party)

    def restore(self, api: ToxiproxyApi) -> None:
        """Make all links again on a link server that replaces one that died, cut as they were; verified.

        Raises:
            ApiError: a port is taken.
            FaultNotInForce: a link is not as it was.
            TargetNotAnswering: a target answers no probe around its links.
            LinkServerDied: no answer.

        """
        with self._lock:
            self._prober.close()
            for target in self._wiring.restore(api, self._ledger.effects_on):
                self._targets.add(target)
            self._verify("restoring the links on another link server", self._wiring.links)

    def close(self) -> None:
        """Remove every link. A link server that died has none any more."""
        with self._lock:
            self._prober.close()
            self._targets.close()
            with suppress(LinkServerDied):
                self._wiring.remove(self.links)
            self._wiring.forget()

    def abandon(self) -> None:
        """Close every connection and forget every link, without a word to the link server."""
        with self._lock:
            self._prober.close()
            self._targets.close()
            self._wiring.forget()

    # ---- cutting and healing ----

    def cut(self, edges: Sequence[Edge], cut: Cut) -> Hold:
        """Cut every edge (source, target) and return the hold that keeps it so, verified.

        Raises:
            ValueError: an edge names no party of these links, or no link joins any of them.
            FaultNotInForce: a link is not cut as intended; nothing remains cut.
            TargetNotAnswering: a target answers no probe around its links; nothing remains cut.
            ApiError: the link server refused; nothing remains cut.
            LinkServerDied: no answer.

        """
        with self._lock:
            self.cuts_made.add(cut)
            effects = effects_of_all(cut, edges, self.links)
            touched = sorted({name for name, _ in effects})
            before = self._effects_on(touched)
            self._prober.make_ready(self._connectable(touched))
            hold = self._ledger.take(cut, edges, effects)
            try:
                made_anew = self._wiring.make_so(before, self._ledger.effects_on)
                self._retire(made_anew)
                self._verify(f"cutting {hold}", touched)
            except BaseException:
                self._ledger.release(hold)
                with suppress(LinkServerDied):  # which has nothing cut then; or the relay has died
                    self._take_back(touched)
                raise
            return hold

    def heal(self, hold: Hold) -> None:
        """End a hold; links that no other hold keeps cut are whole again, verified. Again: no effect.

        Raises:
            FaultNotInForce: a link was not cut all the time, or is not as intended now.
            TargetNotAnswering: a target answers no probe around its links.
            LinkServerDied: no answer.

        """
        with self._lock:
            if hold in self._ledger.holds:
                self._heal([hold], f"healing {hold}")

    def heal_all(self) -> None:
        """End every hold; links to the dead stay refused. Raises what `heal` raises."""
        with self._lock:
            if self._ledger.holds:
                self._heal(self._ledger.holds, "healing everything")

    def cut_now(self) -> tuple[str, ...]:
        """Return one line for each link that is not whole, such as `peer-s1-s2: requests lost`."""
        with self._lock:
            return tuple(self._ledger.describe(link) for link in self.links if self._ledger.effects_on(link))

    def observe_loss(self, observer: LossObserver) -> None:
        """Tell an observer now, and at each cut and heal from now on, whose datagrams are lost."""
        with self._lock:
            self._ledger.observe_loss(observer)

    def carry(self, datagrams: Datagrams) -> None:
        """Cut and verify these links with all others from now on."""
        with self._lock:
            self._verifier.datagrams = datagrams
            self.observe_loss(datagrams)

    # ---- how the parties are ----

    def node_died(self, party: str) -> None:
        """Refuse connections to a party whose process has ended: the links would look like open ports.

        Raises:
            FaultNotInForce: by the link server's own view a link is not refused.
            LinkServerDied: no answer.

        """
        with self._lock:
            self._ends.died(party)

    def node_started(self, party: str) -> None:
        """Let connections to a party through again; the next verification waits until it answers.

        Raises:
            FaultNotInForce: by the link server's own view a link still refuses.
            LinkServerDied: no answer.

        """
        with self._lock:
            self._targets.started(party)
            self._ends.started(party)

    def set_condition(self, party: str, condition: str) -> None:
        """Say whether probes of a party can be answered: links to a paused one are judged by view only.

        Args:
            party: its name.
            condition: one of `Condition`.

        """
        with self._lock:
            self._ends.become(party, Condition(condition))

    # ---- verification ----

    def verify(self) -> Matrix:
        """Probe every link over a new and an existing connection, and return what was found.

        Raises:
            FaultNotInForce: a link is not as intended.
            TargetNotAnswering: a target answers no probe around its links.
            LinkServerDied: no answer.

        """
        with self._lock:
            return self._verify("verifying the links", self._wiring.links)

    def matrix(self) -> Matrix:
        """Probe every link like `verify` and return what was found, as intended or not."""
        with self._lock:
            return self._verifier.look(self._wiring.links, self._unprobed()).seen

    def _verify(self, when: str, touched: Collection[str]) -> Matrix:
        finding = self._verifier.look(touched, self._unprobed())
        finding.raise_if_wrong(when)
        return finding.seen

    def _unprobed(self) -> set[str]:
        return self._ends.unprobed()

    def _heal(self, holds: Sequence[Hold], when: str) -> None:
        """Look whether the cuts held to the end, end them, and look again."""
        held = self._verifier.look_at_cuts(self._unprobed())
        names = list(self._wiring.links)
        before = self._effects_on(names)
        self._ledger.release(*holds)
        after = self._effects_on(names)
        changed = [name for name in names if after[name] != before[name]]
        unanswered = self._follow(held.view, changed)
        self._conclude(held, when, changed, unanswered)

    def _conclude(self, held: Finding, when: str, changed: Collection[str], unanswered: list[str]) -> None:
        try:
            finding = self._verifier.look(changed, self._unprobed())
            lost = [f"{name}: what was held has not been answered" for name in unanswered]
            replace(finding, wrong=(*finding.wrong, *lost)).raise_if_wrong(when)
        except (FaultNotInForce, TargetNotAnswering) as after:
            if held.wrong:
                after.add_note(f"and before that: {held.error(f'just before {when}')}")
            raise
        held.raise_if_wrong(f"just before {when}")

    def _take_back(self, names: Collection[str]) -> None:
        """Undo a cut of which nobody knows how far it got."""
        self._follow(self._wiring.view(), names)

    def _follow(self, view: View, names: Collection[str]) -> list[str]:
        """Bring links from what the link server says they are to what the ledger says.

        Returns the links whose hold has ended and whose held probes were not answered.
        """
        unanswered: list[str] = []

        def await_held(let_go: list[str]) -> None:
            unprobed = self._unprobed()
            answered = [
                name
                for name, effects in self._effects_on(let_go).items()
                if name not in unprobed and not answers_stay_away(effects)
            ]
            unanswered.extend(self._prober.await_held(answered, HELD_PATIENCE_REAL_S))

        self._wiring.follow(view, names, self._ledger.effects_on, await_held)
        for name in names:
            self._prober.retire(name)
        return unanswered

    def _retire(self, made_anew: Collection[str]) -> None:
        """Close the connections whose other end has closed, of which a busy kernel tells in a moment only.

        That those end which a cut is to end remains to be seen.
        """
        for link in self._connectable(made_anew):
            self._prober.retire(link.name)

    def _effects_on(self, names: Iterable[str]) -> dict[str, Effects]:
        return {name: self._ledger.effects_on(self._wiring.links[name]) for name in names}

    def _connectable(self, names: Collection[str]) -> list[Link]:
        unprobed = self._unprobed()
        return [
            self._wiring.links[name]
            for name, effects in self._effects_on(names).items()
            if name not in unprobed and expected_trips(effects)[1].connect is Outcome.OK
        ]
