"""A cluster of cores in one thread: a jumping clock, links that can be cut, deliveries in a fixed order.

Nothing here is real: time is a number that jumps to the next event, a message is an entry in a heap. The
same seed gives the same run. Invariant: every Call a core makes ends in exactly one CallReturned or
CallFailed, unless the caller itself died first.
"""

import heapq
import random
from collections.abc import Callable, Iterable
from functools import partial

from nodecore.config import NodeConfig, Timings
from nodecore.core.answers import Answer, StateAnswer
from nodecore.core.events import (
    Call,
    CallFailed,
    CallReturned,
    ClientRequest,
    Effect,
    Event,
    Log,
    MembersChanged,
    Notify,
    PeerReply,
    PeerRequest,
    Reply,
    Tick,
)
from nodecore.core.messages import Failure, Forward, ForwardAnswer, PeerAnswer, PeerMessage
from nodecore.core.node import Node
from nodecore.core.operations import Operation, ReadState
from tests.core.network import Asked, Condition, Edge, Flight, Network, Process


class World:
    """Cores, clients and links. Times are real seconds of the cores' `time_scale`, 1.0 here."""

    def __init__(
        self, count: int = 3, *, seed: int = 0, timings: Timings | None = None, boot: bool = True
    ) -> None:
        self.random = random.Random(seed)
        self.now = 1000.0
        self.timings = timings or Timings()
        self.addresses = tuple(f"10.0.0.{number + 1}:8848" for number in range(count))
        self.network = Network()
        self.processes: dict[str, Process] = {}
        self.logs: list[tuple[float, str, Log]] = []
        self.notified: list[tuple[str, Notify]] = []
        self.calls: list[tuple[float, str, Call]] = []
        self.latency_s = (0.001, 0.02)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._sequence = 0
        self._requests: dict[int, Asked] = {}
        self._peer_requests: dict[int, Flight] = {}
        self._open: list[Flight] = []
        if boot:
            for address in self.addresses:
                self.start(address)
            self.run(1.0)

    # ---- processes -------------------------------------------------------------------------------

    def config(self, address: str) -> NodeConfig:
        """Return what a node is told."""
        name = f"s{self.addresses.index(address) + 1}" if address in self.addresses else address
        return NodeConfig(name=name, address=address, members=self.addresses, timings=self.timings)

    def start(self, address: str, config: NodeConfig | None = None) -> None:
        """Start a node's process, empty."""
        before = self.processes.get(address)
        incarnation = before.incarnation + 1 if before else 0
        node = Node(config or self.config(address))
        self.processes[address] = Process(node=node, incarnation=incarnation)
        self._feed(address, Tick())

    def kill(self, address: str) -> None:
        """Kill -9: what it holds is gone, connections to it are closed."""
        process = self.processes[address]
        process.condition = Condition.DEAD
        process.queued.clear()
        self._close([flight for flight in self._open if flight.target == address])

    def pause(self, address: str) -> None:
        """Stop a process: connections to it are accepted and silent."""
        self.processes[address].condition = Condition.PAUSED

    def resume(self, address: str) -> None:
        """Continue a process: it finds everything that arrived meanwhile, in order."""
        process = self.processes[address]
        process.condition = Condition.ALIVE
        queued, process.queued = process.queued, []
        for event in queued:
            self._feed(address, event)
        self._feed(address, Tick())

    # ---- links -----------------------------------------------------------------------------------

    def cut(self, edges: Iterable[Edge]) -> None:
        """Swallow every message of these directions: a black hole."""
        for edge in edges:
            self.network.swallowed[edge] = self.network.swallowed.get(edge, 0) + 1

    def refuse(self, edges: Iterable[Edge]) -> None:
        """Refuse connections that source opens to target, and close those that are open."""
        for edge in edges:
            self.network.refused[edge] = 1
            self._close([f for f in self._open if (f.source, f.target) == edge])

    def heal(self) -> None:
        """Undo all cuts; calls that hung in a black hole are closed, as Toxiproxy closes them."""
        self.network = Network()
        self._close([flight for flight in self._open if flight.lost])

    def heal_pair(self, one: str, other: str) -> None:
        """Undo the cuts between two parties."""
        for edge in ((one, other), (other, one)):
            self.network.swallowed.pop(edge, None)
            self.network.refused.pop(edge, None)
            self._close([f for f in self._open if f.lost and (f.source, f.target) == edge])

    # ---- clients ---------------------------------------------------------------------------------

    def submit(
        self, address: str, operation: Operation, answered: Callable[[Answer], None], source: str = "observer"
    ) -> None:
        """Let a client ask a node; `answered` is called with the answer, if one ever reaches the client."""
        edge = (source, address)
        if edge in self.network.swallowed or edge in self.network.refused or not self._lives(address):
            return
        self._sequence += 1
        request_id = self._sequence
        self._requests[request_id] = Asked(answered, source)
        request = ClientRequest(request_id=request_id, operation=operation)
        self._later(0.0, lambda: self._feed(address, request))

    def ask(self, address: str, operation: Operation, within_s: float = 10.0) -> Answer:
        """Ask a node around all links and let time pass until it has answered."""
        answers: list[Answer] = []
        self.submit(address, operation, answers.append)
        until = self.now + within_s
        while not answers and self._events and self._events[0][0] <= until:
            self._step()
        assert answers, f"{address} did not answer {operation} within {within_s} s"
        return answers[0]

    def state(self, address: str) -> StateAnswer:
        """Return a node's whole view, without letting time pass."""
        answers: list[Answer] = []
        self._sequence += 1
        self._requests[self._sequence] = Asked(answers.append, "observer")
        self._perform(
            address,
            self.processes[address].node.handle(
                ClientRequest(request_id=self._sequence, operation=ReadState()), self.now
            ),
        )
        (state,) = answers
        assert isinstance(state, StateAnswer)
        return state

    def change_members(self, address: str, members: tuple[str, ...]) -> None:
        """Tell a node its members anew."""
        self._feed(address, MembersChanged(members))

    # ---- time ------------------------------------------------------------------------------------

    def run(self, seconds: float) -> None:
        """Let this much time pass."""
        until = self.now + seconds
        while self._events and self._events[0][0] <= until:
            self._step()
        self.now = until

    def run_until(self, name: str, condition: Callable[[], bool], within_s: float) -> float:
        """Let time pass, event by event, until the condition holds; return how long that took."""
        began = self.now
        while not condition():
            assert self._events, f"nothing is going to happen any more: {name}"
            assert self._events[0][0] <= began + within_s, f"not within {within_s} s: {name}"
            self._step()
        return self.now - began

    def later(self, delay_s: float, action: Callable[[], None]) -> None:
        """Do something after a delay."""
        self._later(delay_s, action)

    def _step(self) -> None:
        at, _, action = heapq.heappop(self._events)
        self.now = max(self.now, at)
        action()

    def _later(self, delay_s: float, action: Callable[[], None]) -> None:
        self._sequence += 1
        heapq.heappush(self._events, (self.now + delay_s, self._sequence, action))

    def _latency(self) -> float:
        return self.random.uniform(*self.latency_s)

    # ---- events and effects ----------------------------------------------------------------------

    def _lives(self, address: str) -> bool:
        return address in self.processes and self.processes[address].condition is not Condition.DEAD

    def _feed(self, address: str, event: Event) -> None:
        process = self.processes[address]
        if process.condition is Condition.PAUSED:
            process.queued.append(event)
        elif process.condition is Condition.ALIVE:
            self._perform(address, process.node.handle(event, self.now))

    def _perform(self, address: str, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Call():
                    self._call(address, effect)
                case PeerReply():
                    self._peer_replied(effect)
                case Reply():
                    self._replied(address, effect)
                case Notify():
                    self.notified.append((address, effect))
                case Log():
                    self.logs.append((self.now, address, effect))
        self._arm(address)

    def _arm(self, address: str) -> None:
        process = self.processes[address]
        due = process.node.next_deadline()
        assert due is None or due > self.now, f"{address} asks for a tick in the past: it would never rest"
        if due is not None and due != process.tick_at:
            process.tick_at = due
            incarnation = process.incarnation
            self._later(due - self.now, lambda: self._tick(address, incarnation, due))

    def _tick(self, address: str, incarnation: int, due: float) -> None:
        process = self.processes[address]
        if process.incarnation == incarnation and process.tick_at == due:
            process.tick_at = None
            if process.condition is Condition.ALIVE:
                self._feed(address, Tick())

    # ---- calls -----------------------------------------------------------------------------------

    def _call(self, source: str, call: Call) -> None:
        self.calls.append((self.now, source, call))
        flight = Flight(source, call.target, self.processes[source].incarnation, call.call_id)
        self._open = [f for f in self._open if not f.done]
        self._open.append(flight)
        self._later(call.timeout_s, lambda: self._fail(flight, Failure.TIMEOUT))
        edge = (source, call.target)
        if edge in self.network.swallowed:
            flight.lost = True
        elif edge in self.network.refused or not self._lives(call.target):
            self._later(self._latency(), lambda: self._fail(flight, Failure.REFUSED))
        else:
            self._later(self._latency(), lambda: self._arrive(flight, call.message))

    def _arrive(self, flight: Flight, message: PeerMessage) -> None:
        edge = (flight.source, flight.target)
        if edge in self.network.swallowed:
            flight.lost = True
        elif edge in self.network.refused or not self._lives(flight.target):
            self._fail(flight, Failure.CLOSED)
        else:
            self._sequence += 1
            request_id = self._sequence
            self._peer_requests[request_id] = flight
            self._feed(flight.target, _request(request_id, flight.source, message))

    def _peer_replied(self, reply: PeerReply) -> None:
        flight = self._peer_requests.pop(reply.request_id)
        if (flight.target, flight.source) in self.network.swallowed:
            flight.lost = True
            return
        self._later(self._latency(), lambda: self._return(flight, reply.answer))

    def _replied(self, address: str, reply: Reply) -> None:
        flight = self._peer_requests.get(reply.request_id)
        if flight is not None:
            self._peer_replied(PeerReply(reply.request_id, ForwardAnswer(reply.answer)))
            return
        asked = self._requests.pop(reply.request_id)
        if (address, asked.source) not in self.network.swallowed:
            asked.answered(reply.answer)

    def _return(self, flight: Flight, answer: PeerAnswer) -> None:
        self._end(flight, CallReturned(flight.call_id, answer))

    def _fail(self, flight: Flight, failure: Failure) -> None:
        self._end(flight, CallFailed(flight.call_id, failure))

    def _close(self, flights: list[Flight]) -> None:
        for flight in flights:
            self._later(self._latency(), partial(self._fail, flight, Failure.CLOSED))

    def _end(self, flight: Flight, event: CallReturned | CallFailed) -> None:
        if flight.done:
            return
        flight.done = True
        process = self.processes[flight.source]
        if process.incarnation == flight.incarnation:
            self._feed(flight.source, event)


def _request(request_id: int, source: str, message: PeerMessage) -> Event:
    """Return what a message is for its receiver: a forward is a client's request."""
    if isinstance(message, Forward):
        return ClientRequest(request_id=request_id, operation=message.operation, forwarded_by=source)
    return PeerRequest(request_id=request_id, source=source, message=message)
