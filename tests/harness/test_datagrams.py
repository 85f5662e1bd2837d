"""Links that carry datagrams: what the relay loses, how that is proved, and what its own death looks like."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from harness.agent_watch import Watch
from harness.links.api import LinkServerDied
from harness.links.datagrams import Datagrams, Prober, RelayControl
from harness.links.link import socket_address
from harness.links.targets import TargetNotAnswering
from harness.ports import Reservations
from harness.topology import Edge
from harness.waiting import wait_for

pytestmark = pytest.mark.requirement("R20")

WITHIN_REAL_S = 10.0
HOST = "127.0.0.1"


class Receiver:
    """An agent's half: answers what comes to its port as an agent does."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, object]] = []
        self._watch = Watch({"s1": ("", "")}, lambda *said: self.said.append(said))
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind((HOST, 0))
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def address(self) -> str:
        return "{}:{}".format(*self._sock.getsockname())

    def close(self) -> None:
        """Stop answering."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ender:
            ender.sendto(b"end", self._sock.getsockname())
        self._thread.join()
        self._watch.close()
        self._sock.close()

    def _serve(self) -> None:
        while (received := self._sock.recvfrom(65_535))[0] != b"end":
            answer = self._watch.answer(received[0], "s1")
            if answer is not None:
                self._sock.sendto(json.dumps(answer).encode(), received[1])


class RelayProcess:
    """A relay of its own."""

    def __init__(self, ports: Reservations) -> None:
        (self.address,) = ports.reserve(1)
        self.process = subprocess.Popen([sys.executable, "-m", "harness.links.relay", self.address])
        self.control = wait_for(
            "the relay to answer",
            lambda: RelayControl(self.address),
            bool,
            WITHIN_REAL_S,
            tolerate=(LinkServerDied,),
        )

    def kill(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()


@contextmanager
def ended(close: Callable[[], None]) -> Iterator[None]:
    """Close something at the end."""
    try:
        yield
    finally:
        close()


class World:
    """One node's pushes to two agents, through a relay."""

    def __init__(self, ports: Reservations, relay: RelayProcess) -> None:
        self.ports = ports
        self.relay = relay
        self.datagrams = Datagrams(relay.control)
        self.agents = {name: Receiver() for name in ("C1", "C2")}
        self.running = dict.fromkeys(self.agents, True)
        self.listens = {name: self.datagrams.open("s1", name) for name in self.agents}
        for name, agent in self.agents.items():
            self.datagrams.lead("s1", name, agent.address, lambda name=name: self.running[name])  # type: ignore[misc]

    def codes(self) -> list[str]:
        """What a look finds, as letters: towards C1, and towards C2."""
        return [cell.reading.code for cell in self.datagrams.look().seen]

    def close(self) -> None:
        for agent in self.agents.values():
            agent.close()
        self.datagrams.close()


@pytest.fixture
def world() -> Iterator[World]:
    with Reservations() as ports:
        relay = RelayProcess(ports)
        with ended(relay.kill):
            made = World(ports, relay)
            with ended(made.close):
                yield made


def lost(*edges: Edge) -> frozenset[Edge]:
    return frozenset(edges)


def test_each_direction_is_lost_by_itself_and_seen_by_probes(world: World) -> None:
    """A lost push, a lost acknowledgement, both, none; the other agent's link stays whole."""
    assert world.codes() == ["ooo", "ooo"]
    for edges, code in (
        (lost(("s1", "C1")), "oss"),
        (lost(("C1", "s1")), "oos"),
        (lost(("s1", "C1"), ("C1", "s1")), "oss"),
        (lost(("s1", "s2")), "ooo"),
    ):
        world.datagrams.on_loss(edges)
        assert world.codes() == [code, "ooo"]
        assert world.datagrams.look().wrong == ()


def test_a_push_and_its_acknowledgement_pass_unchanged(world: World) -> None:
    """The node's own socket gets the answer, also while the harness probes over the same link."""
    packet = {"type": "dom", "data": json.dumps({"name": "g@@a", "hosts": []}), "lastRefTime": 7}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as node:
        node.settimeout(WITHIN_REAL_S)
        node.bind((HOST, 0))
        for _ in range(3):
            node.sendto(json.dumps(packet).encode(), socket_address(world.listens["C1"]))
            assert world.codes() == ["ooo", "ooo"]
            answer, sender = node.recvfrom(65_535)
            assert json.loads(answer) == {"type": "push-ack", "lastRefTime": "7", "data": ""}
            assert sender == socket_address(world.listens["C1"]), "it comes from where the node had sent"
    assert [said[0] for said in world.agents["C1"].said] == ["sees"] * 3


def test_a_relay_that_does_not_do_as_it_was_told_is_found_out(world: World) -> None:
    """What was lost behind the harness's back is named, with what should be."""
    world.relay.control.ask(do="lose", there=["push-s1-C2"], back=[])
    carried = world.datagrams.look()
    assert len(carried.wrong) == 1
    assert carried.wrong[0].startswith("push-s1-C2: expected connect ok, request ok, reply ok, seen")
    world.datagrams.on_loss(lost(("s1", "C1")))
    world.relay.control.ask(do="lose", there=[], back=[])
    assert [line.partition(":")[0] for line in world.datagrams.look().wrong] == ["push-s1-C1"]


def test_an_agent_that_cannot_answer_is_judged_on_the_relays_word(world: World) -> None:
    """Parentheses in the matrix say so; one that should answer and does not is named."""
    world.running["C2"] = False
    world.datagrams.on_loss(lost(("C2", "s1")))
    assert world.codes() == ["ooo", "(oos)"]


def test_an_agent_that_runs_and_is_silent_is_named() -> None:
    """No link is blamed for it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf, Reservations() as ports:
        deaf.bind((HOST, 0))
        relay = RelayProcess(ports)
        with ended(relay.kill):
            datagrams = Datagrams(relay.control)
            with ended(datagrams.close):
                datagrams.open("s1", "C7")
                datagrams.lead("s1", "C7", "{}:{}".format(*deaf.getsockname()), lambda: True)
                with pytest.raises(TargetNotAnswering, match="around the relay: C7"):
                    datagrams.look()


def test_a_removed_party_has_no_links_any_more(world: World) -> None:
    """Its port at the relay is free, and the other agent's link is as it was."""
    world.datagrams.remove("C1")
    assert world.codes() == ["ooo"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anybody:
        anybody.bind(socket_address(world.listens["C1"]))


def test_a_dead_relay_is_an_error_and_can_be_replaced(world: World) -> None:
    """A cut does not raise for it, the look after the cut does; the new one has the same ports and losses."""
    world.relay.kill()
    world.datagrams.on_loss(lost(("s1", "C1")))
    with pytest.raises(LinkServerDied, match=r"the datagram relay at .* does not answer"):
        world.datagrams.look()
    second = RelayProcess(world.ports)
    with ended(second.kill):
        world.datagrams.restore(second.control)
        assert world.codes() == ["oss", "ooo"]
        assert {cell.target: cell.reading.code for cell in world.datagrams.look().seen}["C1"] == "oss"


@pytest.mark.parametrize(
    "order",
    [
        b"\n",
        b"nonsense\n",
        b"[]\n",
        b"[" * 5000 + b"\n",
        b'{"do":"fly"}\n',
        b'{"do":"open"}\n',
        b'{"do":"open","link":"x","listen":"nowhere"}\n',
        b'{"do":"lead","link":"none","to":"127.0.0.1:9"}\n',
        b'{"do":"close","links":["none"]}\n',
        b'{"do":"lose"}\n',
        b"\xff\xfe\n",
    ],
)
def test_a_wrong_order_is_refused_in_words(world: World, order: bytes) -> None:
    """The relay carries on, for whoever asks next."""
    with socket.create_connection(socket_address(world.relay.address), WITHIN_REAL_S) as stranger:
        stranger.sendall(order)
        assert "error" in json.loads(stranger.makefile().readline())
    assert world.codes() == ["ooo", "ooo"]


def test_strangers_on_its_ports_hurt_nobody(world: World) -> None:
    """More senders than it remembers, random bytes, half an order: pushes pass all the same."""
    with (
        suppress(ConnectionResetError),
        socket.create_connection(socket_address(world.relay.address)) as half,
    ):
        half.sendall(b'{"do":')
    for number in range(40):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(bytes([number]) * 100, socket_address(world.listens["C1"]))
    assert world.codes() == ["ooo", "ooo"]


def test_strangers_at_the_probers_port_hurt_nobody(world: World) -> None:
    """What is no answer to a probe is none."""
    prober = world.datagrams._prober
    assert isinstance(prober, Prober)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for nonsense in (b"", b"[]", b"7", b'{"type":"cutheal-probe"}', b'{"type":"cutheal-seen"}', b"\xff"):
            stranger.sendto(nonsense, prober._sock.getsockname())
        assert world.codes() == ["ooo", "ooo"]
