"""The links that carry datagrams, channel `push`: a node's pushes to an agent, through a relay.

Invariant: what the relay was told to lose follows the ledger of all other links; at each cut and heal every
such link is probed by a datagram of its own, except where the agent cannot answer: there it is the relay's
word, and the matrix says so.
"""

import json
import selectors
import socket
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from time import monotonic
from typing import Any

from harness.links.api import LinkServerDied
from harness.links.link import Channel, Link, socket_address
from harness.links.matrix import Cell, Judge, Outcome, Reading, Trip, cell_of
from harness.links.probes import SILENCE_FACTOR, SILENCE_MIN_REAL_S
from harness.links.relay import DATAGRAM_BYTES_MAX, HOST, LINE_BYTES_MAX
from harness.links.targets import TargetNotAnswering
from harness.topology import Edge

ANSWER_REAL_S = 2.0
"""The relay answers within a millisecond."""

PATIENCE_REAL_S = 5.0
"""How long an answer that should come is waited for: only a link that is wrong takes so long."""

IMPATIENCE_REAL_S = 1.0
"""The same where the relay says itself that it does otherwise."""

PROBE = "cutheal-probe"
"""An agent answers it with the same, to who sent it, and remembers its id."""

SEEN = "cutheal-seen"
"""An agent answers which of these ids it remembers."""

WHOLE = Trip(Outcome.OK, Outcome.OK, Outcome.OK)
LOST = Trip(Outcome.OK, Outcome.SILENT, Outcome.SILENT)
ANSWER_LOST = Trip(Outcome.OK, Outcome.OK, Outcome.SILENT)


class RelayControl:
    """Speaks to the relay's process over one connection.

    Args:
        address: "127.0.0.1:PORT" of its control port.

    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._connection = self._talking(
            lambda: socket.create_connection(socket_address(address), ANSWER_REAL_S)
        )

    def ask(self, **order: object) -> dict[str, Any]:
        """Send one order and return the answer.

        Raises:
            LinkServerDied: the relay does not answer.
            ValueError: it refuses; a port may be taken.

        """
        answer: dict[str, Any] = self._talking(lambda: self._exchange(order))
        if "error" in answer:
            raise ValueError(f"the datagram relay refused {order}: {answer['error']}")
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _exchange(self, order: Mapping[str, object]) -> dict[str, Any]:
        self._connection.sendall(json.dumps(order).encode() + b"\n")
        received = b""
        while not received.endswith(b"\n"):
            fresh = self._connection.recv(LINE_BYTES_MAX)
            if not fresh:
                raise ConnectionResetError("it closed the connection")
            received += fresh
        return dict(json.loads(received))

    def _talking(self, talk: Callable[[], Any]) -> Any:
        try:
            return talk()
        except OSError as error:
            raise LinkServerDied(f"the datagram relay at {self.address} does not answer: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What a look at the datagram links found, in their order; `wrong` has a line for each that is wrong."""

    expected: tuple[Cell, ...] = ()
    seen: tuple[Cell, ...] = ()
    wrong: tuple[str, ...] = ()


class Datagrams:
    """All datagram links of one cluster.

    Args:
        control: of the relay's process.

    """

    def __init__(self, control: RelayControl) -> None:
        self._control = control
        self._links: dict[str, Link] = {}
        self._can_answer: dict[str, Callable[[], bool]] = {}
        self._lost: frozenset[Edge] = frozenset()
        self._prober = Prober()

    def open(self, source: str, target: str) -> str:
        """Make a link and return the address where the source sends; it leads nowhere yet.

        Raises:
            LinkServerDied: the relay does not answer.

        """
        name = f"{Channel.PUSH}-{source}-{target}"
        listen = self._control.ask(do="open", link=name, listen=f"{HOST}:0")["listen"]
        self._links[name] = Link(
            source=source, target=target, channel=Channel.PUSH, listen=listen, upstream=listen
        )
        return str(listen)

    def lead(self, source: str, target: str, address: str, can_answer: Callable[[], bool]) -> None:
        """Let a link lead to where its target receives.

        Args:
            source: a node.
            target: an agent.
            address: where the agent receives what comes from this node, "127.0.0.1:PORT" of UDP.
            can_answer: tells whether the agent runs, so that a probe can be answered.

        """
        name = f"{Channel.PUSH}-{source}-{target}"
        self._links[name] = replace(self._links[name], upstream=address)
        self._can_answer[target] = can_answer
        self._control.ask(do="lead", link=name, to=address)
        self._obey()

    def remove(self, party: str) -> None:
        """Remove every link from or to a party.

        Raises:
            LinkServerDied: the relay does not answer.

        """
        gone = [name for name, link in self._links.items() if party in (link.source, link.target)]
        self._control.ask(do="close", links=gone)
        for name in gone:
            del self._links[name]

    def restore(self, control: RelayControl) -> None:
        """Make all links again, on their ports, on a relay that replaces one that died.

        Raises:
            LinkServerDied: no answer.
            ValueError: a port was taken meanwhile.

        """
        self._control.close()
        self._control = control
        for link in self._links.values():
            control.ask(do="open", link=link.name, listen=link.listen)
            control.ask(do="lead", link=link.name, to=link.upstream)
        self._obey()

    def on_loss(self, edges_lost: frozenset[Edge]) -> None:
        """Lose the datagrams of these edges from now on, and no others; the next look shows a dead relay."""
        self._lost = edges_lost
        with suppress(LinkServerDied):
            self._obey()

    def look(self) -> Carried:
        """Probe every link, and return how it was found.

        Raises:
            LinkServerDied: the relay does not answer.
            TargetNotAnswering: an agent that runs answers no probe around the relay.

        """
        expected = {link: self._expected(link) for link in self._links.values()}
        answer = self._control.ask(do="tell")
        told = {link: _trip(*answer[link.name]) for link in expected}
        probed = {link: want for link, want in expected.items() if self._can_answer[link.target]()}
        found = self._prober.trips(probed, PATIENCE_REAL_S if told == expected else IMPATIENCE_REAL_S)
        judges = {link: Judge.PROBE if link in found else Judge.LINK_SERVER for link in expected}
        seen = told | found
        return Carried(
            expected=tuple(_cell(link, want, judges[link]) for link, want in expected.items()),
            seen=tuple(_cell(link, seen[link], judges[link]) for link in expected),
            wrong=tuple(
                f"{link.name}: expected {want}, seen {seen[link]}"
                for link, want in expected.items()
                if seen[link] != want
            ),
        )

    def close(self) -> None:
        """Close the connection to the relay and the prober's socket; the process is its owner's to end."""
        self._control.close()
        self._prober.close()

    def _obey(self) -> None:
        there = [link.name for link in self._links.values() if (link.source, link.target) in self._lost]
        back = [link.name for link in self._links.values() if (link.target, link.source) in self._lost]
        self._control.ask(do="lose", there=there, back=back)

    def _expected(self, link: Link) -> Trip:
        return _trip((link.source, link.target) in self._lost, (link.target, link.source) in self._lost)


class Prober:
    """Sends probes over datagram links from one socket, and asks agents around them what has arrived."""

    def __init__(self) -> None:
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind((HOST, 0))
        self._sock.setblocking(False)
        self._ids = count(1)

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()

    def trips(self, links: Mapping[Link, Trip], patience_real_s: float) -> dict[Link, Trip]:
        """Probe these links at once, each agent also around them, and return what became of each probe.

        Args:
            links: what each should be.
            patience_real_s: how long an answer that should come is waited for.

        Raises:
            TargetNotAnswering: an agent does not answer around the links.

        """
        if not links:
            return {}
        agents = {link.upstream: link.target for link in links}
        controls = {self._send(address): address for address in agents}
        probes = {self._send(link.listen): link for link in links}
        due = {probe for probe, link in probes.items() if links[link] == WHOLE} | set(controls)
        answered = self._answers(due, set(probes) - due, patience_real_s)
        silent = [agents[address] for probe, address in controls.items() if probe not in answered]
        if silent:
            raise TargetNotAnswering(f"no answer to a datagram around the relay: {', '.join(silent)}")
        arrived = self._arrived({p: link for p, link in probes.items() if p not in answered}, links)
        return {
            link: WHOLE if probe in answered else ANSWER_LOST if probe in arrived else LOST
            for probe, link in probes.items()
        }

    def _send(self, address: str) -> str:
        probe = f"{self._sock.getsockname()[1]}-{next(self._ids)}"
        self._sock.sendto(json.dumps({"type": PROBE, "id": probe}).encode(), socket_address(address))
        return probe

    def _answers(self, due: Collection[str], silent: Collection[str], patience_real_s: float) -> set[str]:
        """Wait for all that is due, then as long as silence takes to judge; return what was answered."""
        begun = latest = monotonic()
        answered: set[str] = set()
        while not answered.issuperset(due) and (left := begun + patience_real_s - monotonic()) > 0:
            if fresh := self._answered(left):
                answered |= fresh
                latest = monotonic()
        until = monotonic() + max(SILENCE_MIN_REAL_S, SILENCE_FACTOR * (latest - begun))
        while silent and (left := until - monotonic()) > 0:
            answered |= self._answered(left)
        return answered

    def _answered(self, within_real_s: float) -> set[str]:
        return {str(m.get("id")) for m in self._receive(within_real_s) if m.get("type") == PROBE}

    def _arrived(self, probes: Mapping[str, Link], links: Mapping[Link, Trip]) -> set[str]:
        """Ask agents which unanswered probes they saw, again while one that should have arrived has not."""
        due = {probe for probe, link in probes.items() if links[link].request is Outcome.OK}
        arrived: set[str] = set()
        deadline = monotonic() + ANSWER_REAL_S
        for address in {link.upstream for link in probes.values()}:
            ids = [probe for probe, link in probes.items() if link.upstream == address]
            missing = True
            while missing and (left := deadline - monotonic()) > 0:
                question = json.dumps({"type": SEEN, "ids": ids}).encode()
                self._sock.sendto(question, socket_address(address))
                told = [message for message in self._receive(left) if message.get("type") == SEEN]
                arrived |= {str(probe) for message in told for probe in message.get("seen", ())}
                missing = not told or bool(due & set(ids) - arrived)
        return arrived

    def _receive(self, within_real_s: float) -> list[dict[str, Any]]:
        """Return what has come after waiting for at least one, in JSON objects; strangers' bytes are none."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._sock, selectors.EVENT_READ)
            selector.select(within_real_s)
        messages = []
        with suppress(BlockingIOError):
            while True:
                datagram = self._sock.recv(DATAGRAM_BYTES_MAX)
                with suppress(ValueError):
                    messages.append(json.loads(datagram))
        return [message for message in messages if isinstance(message, dict)]


def _cell(link: Link, trip: Trip, judge: Judge) -> Cell:
    return cell_of(link, Reading(new=trip, judge=judge))


def _trip(there_lost: bool, back_lost: bool) -> Trip:
    if there_lost:
        return LOST
    return ANSWER_LOST if back_lost else WHOLE
