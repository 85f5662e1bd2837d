"""Finds out what each link does: probes over a new connection and over one that existed.

Invariant: every connection that this class opened is either idle and kept for the next verification, or
carries a probe that was not answered and stays open as long as the cut holds, or is closed.
"""

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count
from socket import socket
from uuid import uuid4

from harness.links.dialects import Dialect
from harness.links.link import Link
from harness.links.matrix import LATE_MAX_MS, Judge, Outcome, Reading, Trip, expected_trips
from harness.links.probe import Intent, Probe, is_to_be_kept, reading_of_probes
from harness.links.probes import Exchange, is_idle, run_round, watch
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

UNTOLD_RETRIES = 2
"""How often a delay that a busy machine has hidden is probed again."""


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
            if kept is None or not is_idle(kept) or not self._dialect(link).is_lasting:
                self._drop_kept(link.name)
                # A link that refuses though it should not is no error here: its reading will tell.
                with suppress(ConnectionRefusedError):
                    self._kept[link.name] = direct_connection(link.listen)

    def await_held(self, names: Collection[str], patience_real_s: float) -> list[str]:
        """Wait for the answers to the silent probes of links whose hold has ended; return who got none.

        Where a target hangs up on who was silent for long, that it does so is its answer to what was held.
        """
        held = [probe for name in names for probe in self._standing.get(name, ()) if probe.is_unanswered]
        watch([probe.exchange for probe in held], patience_real_s)
        return list(dict.fromkeys(probe.link.name for probe in held if not _has_been_heard(probe)))

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
            new = self._again(new, [probe for probe in new if probe.has_idled], patience_real_s)
            for _ in range(UNTOLD_RETRIES):
                new = self._again(new, [probe for probe in new if probe.is_untold], patience_real_s)
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
        new, existing = expected_trips(intent.effects, by_connect=self._judge(link) is Judge.CONNECT)
        kept = self._kept.pop(link.name, None)
        if kept is None and not intent.full and self._standing.get(link.name):
            return []
        if kept is not None and not is_idle(kept) and existing.connect is not Outcome.CLOSED:
            kept.close()
            kept = None
        probes = []
        if kept is not None:
            probes.append(self._probe(intent, existing, kept))
        if intent.full or kept is None:
            probes.append(self._probe(intent, new, None))
        return probes

    def _probe(self, intent: Intent, expected: Trip, sock: socket | None) -> Probe:
        link, dialect = intent.link, self._dialect(intent.link)
        probe_id = dialect.id_of(f"{self._prefix}-{next(self._numbers)}")
        # A connection that should be closed ends by itself, at once or in a moment.
        is_to_end = expected.connect is Outcome.CLOSED
        return Probe(
            link=link,
            effects=intent.effects,
            probe_id=probe_id,
            existing=sock is not None,
            expected=expected,
            exchange=Exchange(
                address=link.listen,
                request=b"" if is_to_end else dialect.request(probe_id),
                dialect=dialect,
                sock=sock,
            ),
        )

    def _dialect(self, link: Link) -> Dialect:
        return self._targets.dialects[link.channel]

    def _judge(self, link: Link) -> Judge:
        return Judge.PROBE if self._dialect(link).is_spoken else Judge.CONNECT

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
        silent = [probe.exchange for probe in probes if probe.is_to_stay_open]
        late = [probe for probe in probes if probe.is_to_be_late and not probe.is_to_stay_open]
        ending = [*controls.values()]
        ending += [p.exchange for p in probes if not (p.is_to_stay_open or p.is_to_be_late)]
        slack_s = LATE_MAX_MS / 1000 if late else 0.0
        run_round(ending, silent, patience_real_s + 2 * slack_s, [probe.exchange for probe in late])
        normal_s = max((one.took_s for one in ending if one.answer is Outcome.OK), default=0.0)
        for probe in probes:
            probe.normal_s = normal_s
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
        """Send a request over connections that should have ended and have not, where anybody takes one."""
        unclosed = []
        for probe in probes:
            dialect = probe.exchange.dialect
            if probe.is_unanswered and probe.expected.connect is Outcome.CLOSED and dialect.is_spoken:
                probe.exchange.request = dialect.request(probe.probe_id)
                unclosed.append(probe.exchange)
        run_round(unclosed, (), patience_real_s)

    def _again(
        self, probes: Sequence[Probe], worthless: Collection[Probe], patience_real_s: float
    ) -> list[Probe]:
        """Replace probes that tell nothing, over new connections, where a link has no other."""
        for probe in worthless:
            probe.exchange.close()
        rest = [probe for probe in probes if probe not in worthless]
        done = {probe.link.name for probe in rest}
        links = {probe.link.name: probe for probe in worthless if probe.link.name not in done}
        again = [
            self._probe(Intent(link=one.link, effects=one.effects, full=True), one.expected, None)
            for one in links.values()
        ]
        self._run(again, patience_real_s)
        return [*rest, *again]

    def _learn_arrivals(self, probes: Sequence[Probe]) -> None:
        """Learn from the targets themselves which probes have reached them, and when, where it matters."""
        unknown = [probe for probe in probes if probe.is_worth_asking_for]
        if unknown and self._ask(unknown):
            late = any(probe.expected.request is Outcome.LATE for probe in unknown)
            # Only its time-out is let go: a request that should have arrived and has not is a reading.
            with suppress(WaitTimeout):
                wait_for(
                    "requests to arrive",
                    lambda: self._ask(unknown),
                    lambda missing: not missing,
                    ASK_PATIENCE_REAL_S + (LATE_MAX_MS / 1000 if late else 0.0),
                )

    def _ask(self, probes: Sequence[Probe]) -> int:
        """Ask for probes not known to have arrived; return how many that should have are missing."""
        asked: dict[str, list[str]] = {}
        for probe in probes:
            asked.setdefault(probe.link.asked, []).append(probe.probe_id)
        seen = self._targets.seen(asked)
        for probe in probes:
            probe.arrived_at = seen.get(probe.probe_id, probe.arrived_at)
        return sum(probe.must_arrive for probe in probes)

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
        elif is_to_be_kept(probe) and name not in self._kept and probe.exchange.sock:
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
        judges = {intent.link.name: self._judge(intent.link) for intent in intents}
        return {
            name: replace(reading_of_probes(found), judge=judges[name]) for name, found in by_link.items()
        }


def _has_been_heard(probe: Probe) -> bool:
    answer, dialect = probe.exchange.answer, probe.exchange.dialect
    return answer is Outcome.OK or (answer is not None and dialect.hangs_up)


def _check_answer(probe: Probe) -> None:
    """Refuse an answer that is not a probe's: whatever answers there is no node of ours."""
    exchange = probe.exchange
    is_answer = exchange.answer is Outcome.OK
    if is_answer and not exchange.dialect.is_to(bytes(exchange.received), probe.probe_id):
        raise TargetNotAnswering(
            f"{probe.link.target} answered {exchange.status_line!r} to a probe over "
            f"{probe.link.name}; right would be 200 and the probe's id"
        )
