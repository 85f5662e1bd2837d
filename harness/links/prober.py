"""Finds out what each link does: probes over a new connection and over one that existed.

Invariant: every connection that this class opened is either idle and kept for the next verification, or
carries a probe that was not answered and stays open as long as the cut holds, or is closed.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from socket import socket
from uuid import uuid4

from harness.links.faults import Effect, Effects
from harness.links.link import Link
from harness.links.matrix import Outcome, Reading, Trip, expected_trips
from harness.links.probes import Exchange, is_idle, probe_request, run_round
from harness.links.targets import (
    ASK_PATIENCE_REAL_S,
    TargetNotAnswering,
    Targets,
    direct_connection,
    is_answered,
)
from harness.waiting import WaitTimeout, wait_for

STANDING_MAX = 4
"""Silent probes that stay open on one link; each is a connection at the target too."""

WHOLE = expected_trips(frozenset())[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What a link should be: `full` asks for a new connection even where one is kept."""

    link: Link
    effects: Effects
    full: bool


@dataclass(slots=True, kw_only=True, eq=False)
class Probe:
    """One probe on its way.

    `existing` tells that its connection was there before, `arrived` that the target says it saw it,
    `standing` that it was judged silent once.
    """

    link: Link
    probe_id: str
    existing: bool
    expected: Trip
    exchange: Exchange
    arrived: bool = False
    standing: bool = False

    @property
    def is_unanswered(self) -> bool:
        """Tell whether it is connected and nothing has come back."""
        return self.exchange.connect is Outcome.OK and self.exchange.answer is None

    @property
    def is_late(self) -> bool:
        """Tell whether it was answered after it had been judged silent."""
        return self.standing and self.exchange.answer is Outcome.OK

    @property
    def trip(self) -> Trip:
        """Return what became of it so far."""
        connect, answer = self.exchange.connect or Outcome.SILENT, self.exchange.answer
        if connect is not Outcome.OK:
            return Trip(connect, connect, connect)
        if self.expected.connect is Outcome.CLOSED and answer in (Outcome.CLOSED, Outcome.RESET):
            return self.expected
        if answer is None:
            return Trip(connect, Outcome.OK if self.arrived else Outcome.SILENT, Outcome.SILENT)
        if answer is Outcome.OK:
            return Trip(connect, answer, Outcome.LATE if self.standing else answer)
        return Trip(connect, answer, answer)


class Prober:
    """Keeps the probe connections of a cluster's links."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets
        self._kept: dict[str, socket] = {}
        self._standing: dict[str, list[Probe]] = {}
        self._prefix = uuid4().hex[:8]
        self._numbers = count(1)

    def make_ready(self, links: Iterable[Link]) -> None:
        """Open the existing connection of each link anew where it ended, or waits for an answer."""
        for link in links:
            kept = self._kept.get(link.name)
            if kept is None or not is_idle(kept):
                self._drop_kept(link.name)
                # A link that refuses though it should not is no error here: its reading will tell.
                with suppress(ConnectionRefusedError):
                    self._kept[link.name] = direct_connection(link.listen)

    def retire(self, name: str) -> None:
        """Close all connections of a link whose cut has changed: the link server has closed them too."""
        for probe in self._standing.pop(name, ()):
            probe.exchange.close()
        self._drop_kept(name)

    def read(self, intents: Sequence[Intent], patience_real_s: float) -> dict[str, Reading]:
        """Probe all links at once and return how each was found, by name.

        Args:
            intents: what each link should be; decides how long a probe is waited for.
            patience_real_s: how long an answer that should come is waited for.

        Raises:
            TargetNotAnswering: a target does not answer around the links either.

        """
        self._targets.await_started({intent.link.upstream for intent in intents})
        old = self._look_at_standing(intents)
        new = [probe for intent in intents for probe in self._probes(intent)]
        try:
            self._run(new, patience_real_s)
            self._try_unclosed(new, patience_real_s)
            new = self._retry_idled(new, patience_real_s)
            self._learn_arrivals([*old, *new])
        except BaseException:
            for probe in new:
                probe.exchange.close()
            raise
        for probe in new:
            self._keep(probe)
        return self._readings(intents, [*old, *new])

    def close(self) -> None:
        """Close every connection."""
        for name in {*self._standing, *self._kept}:
            self.retire(name)

    # ---- what to send ----

    def _probes(self, intent: Intent) -> list[Probe]:
        """Return what to send over a link: nothing where a silent probe is watched already."""
        link = intent.link
        new, existing = expected_trips(intent.effects)
        kept = self._kept.pop(link.name, None)
        if kept is None and not intent.full and self._standing.get(link.name):
            return []
        if kept is not None and not is_idle(kept) and Effect.REFUSED not in intent.effects:
            kept.close()
            kept = None
        probes = []
        if kept is not None:
            probes.append(self._probe(link, existing, kept))
        if intent.full or kept is None:
            probes.append(self._probe(link, new, None))
        return probes

    def _probe(self, link: Link, expected: Trip, sock: socket | None) -> Probe:
        probe_id = f"{self._prefix}-{next(self._numbers)}"
        request = probe_request(self._targets.probe_path, probe_id)
        if expected.connect is Outcome.CLOSED:
            request = b""  # it should end by itself, at once or in a moment
        return Probe(
            link=link,
            probe_id=probe_id,
            existing=sock is not None,
            expected=expected,
            exchange=Exchange(address=link.listen, request=request, sock=sock),
        )

    # ---- sending and finding out ----

    def _run(self, probes: Sequence[Probe], patience_real_s: float) -> None:
        """Run probes, beside a control probe of each target that no whole link leads to.

        A whole link's probe is a positive one as good as the control's: the two would only be in each
        other's way, and the slowest of them is what silence is measured by.
        """
        if not probes:
            return
        whole = {probe.link.upstream for probe in probes if probe.expected.reply is Outcome.OK}
        controls = self._targets.controls({probe.link.upstream for probe in probes} - whole)
        silent = [probe.exchange for probe in probes if _should_stay_open(probe)]
        ending = [probe.exchange for probe in probes if not _should_stay_open(probe)]
        run_round([*controls.values(), *ending], silent, patience_real_s)
        self._targets.check(controls)
        self._suspect(probes)
        for probe in probes:
            _check_answer(probe)

    def _suspect(self, probes: Iterable[Probe]) -> None:
        """Ask targets that a whole link should have reached and has not over their control proxies."""
        suspects = {
            probe.link.upstream
            for probe in probes
            if probe.expected.reply is Outcome.OK and not is_answered(probe.exchange)
        }
        controls = self._targets.controls(suspects)
        run_round(list(controls.values()), (), ASK_PATIENCE_REAL_S)
        self._targets.check(controls)

    def _try_unclosed(self, probes: Iterable[Probe], patience_real_s: float) -> None:
        """Send a request over connections that should have ended and have not."""
        unclosed = [probe.exchange for probe in probes if probe.is_unanswered and not probe.exchange.request]
        for probe in probes:
            if probe.exchange in unclosed:
                probe.exchange.request = probe_request(self._targets.probe_path, probe.probe_id)
        run_round(unclosed, (), patience_real_s)

    def _retry_idled(self, probes: Sequence[Probe], patience_real_s: float) -> list[Probe]:
        """Replace probes whose kept connection ended by idling just when it was used."""
        idled = [probe for probe in probes if _has_idled(probe)]
        for probe in idled:
            probe.exchange.close()
        rest = [probe for probe in probes if probe not in idled]
        done = {probe.link.name for probe in rest}
        again = [
            self._probe(probe.link, probe.expected, None) for probe in idled if probe.link.name not in done
        ]
        self._run(again, patience_real_s)
        return [*rest, *again]

    def _learn_arrivals(self, probes: Sequence[Probe]) -> None:
        """Learn from the targets themselves which unanswered probes have reached them."""
        unknown = [probe for probe in probes if probe.is_unanswered and not probe.arrived]
        if unknown and self._ask(unknown):
            # Only its time-out is let go: a request that should have arrived and has not is a reading.
            with suppress(WaitTimeout):
                wait_for(
                    "requests to arrive",
                    lambda: self._ask(unknown),
                    lambda missing: not missing,
                    ASK_PATIENCE_REAL_S,
                )

    def _ask(self, probes: Sequence[Probe]) -> int:
        """Ask for probes not known to have arrived; return how many that should have are missing."""
        asked: dict[str, list[str]] = {}
        for probe in probes:
            asked.setdefault(probe.link.upstream, []).append(probe.probe_id)
        seen = self._targets.seen(asked)
        for probe in probes:
            probe.arrived = probe.arrived or probe.probe_id in seen
        return sum(probe.expected.request is Outcome.OK and not probe.arrived for probe in probes)

    # ---- what is kept ----

    def _look_at_standing(self, intents: Iterable[Intent]) -> list[Probe]:
        """Return the silent probes of these links, with what has come meanwhile; forget the ended."""
        found = []
        for intent in intents:
            probes = self._standing.get(intent.link.name, [])
            for probe in probes:
                probe.exchange.poll()
                if not (probe.is_unanswered or probe.is_late):
                    probe.exchange.close()
            left = [probe for probe in probes if probe.is_unanswered or probe.is_late]
            self._standing[intent.link.name] = left
            found += left
        return found

    def _keep(self, probe: Probe) -> None:
        name = probe.link.name
        if probe.is_unanswered and probe.expected.reply is Outcome.SILENT:
            probe.standing = True
            probes = self._standing.setdefault(name, [])
            probes.append(probe)
            if len(probes) > STANDING_MAX:
                probes.pop(0).exchange.close()
        elif probe.trip == probe.expected == WHOLE and name not in self._kept and probe.exchange.sock:
            self._kept[name] = probe.exchange.sock
        else:
            probe.exchange.close()

    def _drop_kept(self, name: str) -> None:
        kept = self._kept.pop(name, None)
        if kept is not None:
            kept.close()

    # ---- what was found ----

    def _readings(self, intents: Sequence[Intent], probes: Iterable[Probe]) -> dict[str, Reading]:
        by_link: dict[str, list[Probe]] = {intent.link.name: [] for intent in intents}
        for probe in probes:
            by_link[probe.link.name].append(probe)
        return {name: _reading(found) for name, found in by_link.items()}


def _reading(probes: Sequence[Probe]) -> Reading:
    new = _judged([probe for probe in probes if not probe.existing])
    existing = _judged([probe for probe in probes if probe.existing])
    # A connection just opened and kept is the existing one from now on.
    return Reading(new=new, existing=new if existing is None and new == WHOLE else existing)


def _judged(probes: Sequence[Probe]) -> Trip | None:
    """Return the newest trip, unless an older one has been answered late."""
    late = [probe for probe in probes if probe.is_late]
    trips = [probe.trip for probe in (late or probes)]
    return trips[-1] if trips else None


def _should_stay_open(probe: Probe) -> bool:
    """Tell whether a probe ends only if its link is wrong, or, of a connection to be closed, maybe later."""
    return probe.expected.reply is Outcome.SILENT or not probe.exchange.request


def _has_idled(probe: Probe) -> bool:
    return (
        probe.existing
        and probe.expected.reply is Outcome.OK
        and probe.exchange.answer in (Outcome.CLOSED, Outcome.RESET)
    )


def _check_answer(probe: Probe) -> None:
    """Refuse an answer that is not a probe's: whatever answers there is no node of ours."""
    exchange = probe.exchange
    if exchange.answer is Outcome.OK and probe.probe_id.encode() not in exchange.body:
        raise TargetNotAnswering(
            f"{probe.link.target} answered {exchange.status_line!r} to a probe over "
            f"{probe.link.name}; right would be 200 and the probe's id"
        )
