"""One probe: what is sent over a link, and what became of it.

Invariant: a step is judged late by what the target's clock and ours say of this one probe, and only
where a trip that nothing delays took less than the delay; else it is left as configured, not probed.
"""

from dataclasses import dataclass

from harness.links.effects import Effects, Stream
from harness.links.link import Link
from harness.links.matrix import Outcome, Reading, Trip, delay_real_s, expected_trips
from harness.links.probes import Exchange

CLOCKS_REAL_S = 0.001
"""How much a link server's timer may be early by our clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What a link should be: `full` asks for a new connection even where one is kept."""

    link: Link
    effects: Effects
    full: bool


@dataclass(slots=True, kw_only=True, eq=False)
class Probe:
    """One probe on its way.

    `existing` tells that its connection was there before, `arrived_at` when the target saw it,
    `standing` that it was judged silent once, `normal_s` what a trip took in the same round that
    nothing delays.
    """

    link: Link
    effects: Effects
    probe_id: str
    existing: bool
    expected: Trip
    exchange: Exchange
    arrived_at: float | None = None
    standing: bool = False
    normal_s: float = 0.0

    @property
    def is_unanswered(self) -> bool:
        """Tell whether it is connected and nothing has come back."""
        return self.exchange.connect is Outcome.OK and self.exchange.answer is None

    @property
    def is_late(self) -> bool:
        """Tell whether it was answered after it had been judged silent."""
        return self.standing and self.exchange.answer is Outcome.OK

    @property
    def is_to_stay_open(self) -> bool:
        """Tell whether it ends only if its link is wrong, or, of a connection to be closed, maybe later."""
        return self.expected.reply in (Outcome.SILENT, Outcome.CONFIGURED) or not self.exchange.request

    @property
    def is_to_be_late(self) -> bool:
        """Tell whether a step of it should take longer than usual."""
        return Outcome.LATE in self.expected.steps

    @property
    def is_untold(self) -> bool:
        """Tell whether a delay was no longer than a trip that nothing delays."""
        if not self.is_to_be_late or self.is_given_up:
            return False
        delays_s = [delay_real_s(self.effects, stream) for stream in Stream]
        return min(delay_s for delay_s in delays_s if delay_s) <= self.normal_s

    @property
    def is_given_up(self) -> bool:
        """Tell whether the target hung up before a delayed request came: how late it was is not told."""
        return self.is_to_be_late and self.exchange.dialect.hangs_up and self._is_ended

    @property
    def must_arrive(self) -> bool:
        """Tell whether it is not known to have reached the target and should have."""
        if self.is_given_up:
            return False
        return self.expected.request in (Outcome.OK, Outcome.LATE) and self.arrived_at is None

    @property
    def is_worth_asking_for(self) -> bool:
        """Tell whether the target may know of its arrival what its answer does not tell."""
        if not self.exchange.request or self.arrived_at is not None or self.is_given_up:
            return False
        is_cut_short = self.expected.reply is Outcome.CONFIGURED and self.exchange.answer is not Outcome.OK
        return self.is_unanswered or self.is_to_be_late or is_cut_short

    @property
    def has_idled(self) -> bool:
        """Tell whether its connection, unused for too long, ended just when it was used."""
        may_idle = self.existing or self.exchange.dialect.hangs_up
        to_be_answered = self.expected.reply in (Outcome.OK, Outcome.LATE)
        return may_idle and to_be_answered and self._is_ended and not self.is_given_up

    @property
    def trip(self) -> Trip:
        """Return what became of it so far."""
        connect = self.exchange.connect or Outcome.SILENT
        if connect is not Outcome.OK:
            return Trip(connect, connect, connect)
        if self.expected.connect is Outcome.CLOSED and self._is_ended:
            return self.expected
        if self.is_given_up:
            return Trip(connect, Outcome.CONFIGURED, Outcome.CONFIGURED)
        return Trip(connect, self._request, self._reply).as_far_as(self._told)

    @property
    def _is_ended(self) -> bool:
        return self.exchange.answer in (Outcome.CLOSED, Outcome.RESET)

    @property
    def _request(self) -> Outcome:
        if self.arrived_at is not None:
            took_s = self.arrived_at - self.exchange.sent_at
            return Outcome.LATE if self._is_by(Stream.UPSTREAM, took_s) else Outcome.OK
        return self.exchange.answer or Outcome.SILENT

    @property
    def _reply(self) -> Outcome:
        if self.exchange.answer is not Outcome.OK:
            return self.exchange.answer or Outcome.SILENT
        took_s = self.exchange.ended_at - (self.arrived_at or self.exchange.ended_at)
        return Outcome.LATE if self.standing or self._is_by(Stream.DOWNSTREAM, took_s) else Outcome.OK

    @property
    def _told(self) -> Trip:
        """Return what is expected, but for the delays that cannot be told."""
        if not self.is_untold:
            return self.expected
        steps = (Outcome.CONFIGURED if one is Outcome.LATE else one for one in self.expected.steps)
        return Trip(*steps)

    def _is_by(self, stream: Stream, took_s: float) -> bool:
        """Tell whether a step took as long as what delays its stream says."""
        delay_s = delay_real_s(self.effects, stream)
        return delay_s is not None and took_s >= delay_s - CLOCKS_REAL_S


def reading_of_probes(probes: list[Probe]) -> Reading:
    """Return how a link was found by its probes."""
    new = _judged([probe for probe in probes if not probe.existing])
    existing = _judged([probe for probe in probes if probe.existing])
    # A connection just opened and kept is the existing one from now on.
    if existing is None and new is not None and any(is_to_be_kept(probe) for probe in probes):
        existing = new
    return Reading(new=new, existing=existing)


def is_to_be_kept(probe: Probe) -> bool:
    """Tell whether a probe's connection can be the existing one of a later verification."""
    exchange = probe.exchange
    if probe.trip != probe.expected or exchange.sock is None or not exchange.dialect.is_lasting:
        return False
    if not exchange.request:
        return probe.is_unanswered and probe.expected.connect is Outcome.OK and _lives_on(probe.effects)
    return probe.trip == WHOLE


def _judged(probes: list[Probe]) -> Trip | None:
    """Return the newest trip, unless an older one has been answered late."""
    late = [probe for probe in probes if probe.is_late]
    trips = [probe.trip for probe in (late or probes)]
    return trips[-1] if trips else None


def _lives_on(effects: Effects) -> bool:
    _, existing = expected_trips(effects)
    return existing.connect is Outcome.OK


WHOLE = expected_trips(frozenset())[0]
