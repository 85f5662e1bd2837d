"""The targets of probes, asked around the links: are they there, and which probes did they see.

Every address where a target listens has one direct connection and one control proxy, never cut, so that
each round of probes has an answer to measure silence by also where every link to a target is cut.
Invariant: a target that does not answer around the links is named as such; a link is never blamed for it.
"""

import json
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.links.dialects import Http, ask_request, dialects
from harness.links.link import Channel, socket_address
from harness.links.matrix import Outcome
from harness.links.probes import Exchange, is_idle, run_round
from harness.waiting import WaitTimeout, wait_for

ASK_PATIENCE_REAL_S = 2.0
START_PATIENCE_REAL_S = 10.0


class TargetNotAnswering(Exception):
    """A target does not answer probes around its links, so that nothing can be said about the links."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One address where a party listens, and the control proxy that leads there."""

    party: str
    channel: Channel
    upstream: str
    control: str


class Targets:
    """All targets of a cluster, by the address where they listen.

    Args:
        probe_path: where nodes take probes over HTTP, and tell which they have seen; None: nowhere.
        secret: of the Raft cluster whose ports are probed.

    """

    def __init__(self, probe_path: str | None, secret: str = "") -> None:
        self._probe_path = probe_path
        self.dialects = dialects(probe_path, secret)
        self._targets: dict[str, Target] = {}
        self._direct: dict[str, socket.socket] = {}
        self._starting: set[str] = set()

    def add(self, target: Target) -> None:
        """Add or replace a target; the next round waits until it answers."""
        self._targets[target.upstream] = target
        self._starting.add(target.upstream)

    def started(self, party: str) -> None:
        """Remember that a party was started anew: the next round waits until it answers."""
        self._starting |= {t.upstream for t in self._targets.values() if t.party == party}

    def remove(self, upstream: str) -> None:
        """Forget a target."""
        self._targets.pop(upstream, None)
        self._starting.discard(upstream)
        self._drop(upstream)

    def await_started(self, upstreams: Iterable[str]) -> None:
        """Wait until every target that was started lately answers over its control proxy.

        Raises:
            TargetNotAnswering: one did not within 10 s real time.

        """
        starting = [self._targets[upstream] for upstream in upstreams if upstream in self._starting]
        if not starting:
            return
        try:
            wait_for(
                "targets to answer probes",
                lambda: self._silent_ones(starting),
                lambda silent: not silent,
                START_PATIENCE_REAL_S,
                describe=", ".join,
            )
        except WaitTimeout as timeout:
            raise TargetNotAnswering(str(timeout)) from timeout
        self._starting -= {target.upstream for target in starting}

    def controls(self, upstreams: Iterable[str]) -> dict[str, Exchange]:
        """Return one probe for each target, over its control proxy."""
        return {upstream: self._control(self._targets[upstream]) for upstream in upstreams}

    def check(self, controls: Mapping[str, Exchange]) -> None:
        """Close the control probes.

        Raises:
            TargetNotAnswering: one of them was not answered.

        """
        for control in controls.values():
            control.close()
        silent = [
            f"{_describe(self._targets[upstream], control)}"
            for upstream, control in controls.items()
            if not is_answered(control)
        ]
        if silent:
            raise TargetNotAnswering(f"no answer to a probe around the links: {', '.join(silent)}")

    def seen(self, probes: Mapping[str, Sequence[str]]) -> dict[str, float]:
        """Ask each target directly which of these probe ids it has seen, and when by CLOCK_MONOTONIC.

        Args:
            probes: address where targets are asked -> ids.

        Raises:
            TargetNotAnswering: a target did not answer within 2 s.

        """
        path = self._probe_path or ""
        asked = [
            Exchange(
                address=address, request=ask_request(path, ids), dialect=Http(path), sock=self._idle(address)
            )
            for address, ids in probes.items()
        ]
        run_round(asked, (), ASK_PATIENCE_REAL_S)
        seen: dict[str, float] = {}
        for exchange in asked:
            seen |= _ids_seen(exchange)
        for exchange in asked:
            self._keep(exchange)
        return seen

    def close(self) -> None:
        """Close every connection."""
        for upstream in list(self._direct):
            self._drop(upstream)

    def _silent_ones(self, targets: Sequence[Target]) -> list[str]:
        controls = [self._control(target) for target in targets]
        run_round(controls, (), ASK_PATIENCE_REAL_S)
        for control in controls:
            control.close()
        return [
            _describe(target, control)
            for target, control in zip(targets, controls, strict=True)
            if not is_answered(control)
        ]

    def _control(self, target: Target) -> Exchange:
        dialect = self.dialects[target.channel]
        if not dialect.is_spoken:
            return Exchange(
                address=target.upstream, request=b"", dialect=dialect, is_over_when_connected=True
            )
        request = dialect.request(dialect.id_of("control"))
        return Exchange(address=target.control, request=request, dialect=dialect)

    def _idle(self, upstream: str) -> socket.socket | None:
        sock = self._direct.get(upstream)
        if sock is not None and not is_idle(sock):
            self._drop(upstream)
            return None
        return sock

    def _keep(self, exchange: Exchange) -> None:
        if exchange.sock is not None:
            self._direct[exchange.address] = exchange.sock

    def _drop(self, upstream: str) -> None:
        sock = self._direct.pop(upstream, None)
        if sock is not None:
            sock.close()


def direct_connection(address: str) -> socket.socket:
    """Return a connection for later probes: loopback connects at once.

    Raises:
        OSError: refused.

    """
    sock = socket.create_connection(socket_address(address), ASK_PATIENCE_REAL_S)
    sock.setblocking(False)
    return sock


def is_answered(exchange: Exchange) -> bool:
    """Tell whether a probe, or a question about probes, was answered well, or nothing was asked."""
    return exchange.answer is Outcome.OK and exchange.dialect.is_good(bytes(exchange.received))


def _describe(target: Target, exchange: Exchange) -> str:
    return f"{target.party} at {target.upstream} ({_outcome(exchange)})"


def _outcome(exchange: Exchange) -> str:
    if exchange.answer is Outcome.OK and exchange.received:
        return f"answered {exchange.status_line!r}, not 200, to a probe"
    return str(exchange.answer or Outcome.SILENT)


def _ids_seen(exchange: Exchange) -> dict[str, float]:
    if not is_answered(exchange):
        exchange.close()
        raise TargetNotAnswering(
            f"asked for the probes it saw: the node at {exchange.address} ({_outcome(exchange)})"
        )
    seen = json.loads(exchange.body)["seen"]
    return {probe_id: at for probe_id, at in seen.items() if at is not None}
