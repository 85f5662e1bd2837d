"""Calls to the other members: two lanes each, and forwards beside them.

A lane is one thread with one connection, so that a report never waits behind a sync that times out. Forwards
run on threads of their own, of which there are no more than clients may wait for.

Invariant: `send` never waits; every Call that was sent is followed by exactly one CallReturned or CallFailed.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from nodecore.config import NodeConfig
from nodecore.core.answers import Refused
from nodecore.core.events import Call, CallFailed, CallReturned, Lane
from nodecore.core.messages import Failure, ForwardAnswer
from nodecore.errors import Malformed
from nodecore.runtime.counts import Counts
from nodecore.runtime.exchange import Exchange
from nodecore.runtime.logs import NodeLog
from nodecore.runtime.wire.calls import decode_answer, describe_keys, encode_call
from nodecore.runtime.wire.http import HttpAnswer, HttpCall

Deliver = Callable[[CallReturned | CallFailed], None]

NACOS_VERSION = "1.4.2"


class Peers:
    """The way to every member.

    Args:
        config: the dial map, the identity header, the limits.
        log: gets one debug line per call sent and per answer.
        deliver: told what became of each call, from a thread of ours.
        counts: told of each call's kind, outcome, bytes and processor time.
    """

    def __init__(self, config: NodeConfig, log: NodeLog, deliver: Deliver, counts: Counts) -> None:
        self._caller = _Caller(config, log, counts)
        self._deliver = deliver
        self._lanes: dict[tuple[str, Lane], _Lane] = {}
        """By link address: who is dialled elsewhere from now on gets lanes of its own."""
        self._retired: list[_Lane] = []
        self._forwards = _Forwards(self._caller, deliver, max(1, config.limits.client_threads // 2))

    def send(self, call: Call) -> None:
        """Queue `call` on its lane; called by one thread at a time (under the core's lock)."""
        if call.lane is Lane.FORWARD:
            self._forwards.send(call)
            return
        key = (self._caller.link_to(call.target), call.lane)
        if key not in self._lanes:
            self._lanes[key] = _Lane(self._caller, call.target, call.lane, self._deliver)
        self._lanes[key].send(call)

    def dial(self, links: Mapping[str, str]) -> None:
        """Dial members there from now on; called, like `send`, by one thread at a time."""
        self._caller.dial = dict(links)

    def keep_only(self, members: Iterable[str]) -> None:
        """End the lanes to whoever is no member; what is queued there is said and answered for first."""
        wanted = {self._caller.link_to(member) for member in members}
        for key in [key for key in self._lanes if key[0] not in wanted]:
            lane = self._lanes.pop(key)
            lane.retire()
            self._retired.append(lane)
        self._retired = [lane for lane in self._retired if lane.is_alive]

    def close(self, timeout_s: float = 5.0) -> None:
        """End every lane, the call that it is busy with included; nothing is delivered afterwards.

        Raises:
            RuntimeError: a lane is still in a call after `timeout_s`.
        """
        lanes = [*self._lanes.values(), *self._retired]
        for lane in lanes:
            lane.stop()
        deadline_s = time.monotonic() + timeout_s
        for lane in lanes:
            lane.join(deadline_s)
        self._forwards.close()


class _Caller:
    """Turns a Call into HTTP and back; knows where members are dialled and what every call carries."""

    def __init__(self, config: NodeConfig, log: NodeLog, counts: Counts) -> None:
        self._counts = counts
        self._name = config.name
        self._source = config.address
        self.dial = dict(config.dial)
        self._headers = _headers(config)
        self._log = log

    def link_to(self, target: str) -> str:
        """Return where a member is dialled now."""
        return self.dial.get(target, target)

    def exchange(self, link: str) -> Exchange:
        """Make a way to that link address."""
        return Exchange(link, self._headers)

    def perform(self, exchange: Exchange, call: Call) -> CallReturned | CallFailed:
        """Make the call and say what became of it."""
        began_s = time.thread_time()
        kind = type(call.message).__name__
        outcome = self._made(exchange, call)
        said = outcome.failure.value if isinstance(outcome, CallFailed) else type(outcome.answer).__name__
        self._counts.add("calls", kind, said)
        self._counts.add("call_cpu_seconds", kind, amount=time.thread_time() - began_s)
        return outcome

    def _made(self, exchange: Exchange, call: Call) -> CallReturned | CallFailed:
        call_id = f"{self._name}-{call.call_id}"
        self._log_call("call_sent", call, call_id)
        outcome = self._outcome(exchange, call, call_id)
        if isinstance(outcome, CallFailed):
            self._log_call("call_failed", call, call_id, ("failure", outcome.failure.value))
        else:
            self._log_call("call_returned", call, call_id, ("answer", type(outcome.answer).__name__))
        return outcome

    def _outcome(self, exchange: Exchange, call: Call, call_id: str) -> CallReturned | CallFailed:
        request = encode_call(call.message, self._source)
        result = exchange.perform(request, call_id, call.timeout_s)
        self._count_bytes(call, request, result)
        if isinstance(result, Failure):
            return CallFailed(call.call_id, result)
        try:
            return CallReturned(call.call_id, decode_answer(call.message, result))
        except Malformed as error:
            fields = [("call_id", call_id), ("target", call.target), ("reason", str(error))]
            self._log.write("warning", "answer_malformed", fields)
            return CallFailed(call.call_id, Failure.GARBLED)

    def _count_bytes(self, call: Call, request: HttpCall, result: HttpAnswer | Failure) -> None:
        kind = type(call.message).__name__
        self._counts.add("call_body_bytes", kind, "sent", amount=len(request.body or b""))
        received = 0 if isinstance(result, Failure) else len(result.body)
        self._counts.add("call_body_bytes", kind, "received", amount=received)

    def _log_call(self, event: str, call: Call, call_id: str, *more: tuple[str, object]) -> None:
        if not self._log.enabled("debug"):
            return
        fields = (
            ("call_id", call_id),
            ("source", self._source),
            ("target", call.target),
            ("kind", type(call.message).__name__),
            ("keys", describe_keys(call.message)),
        )
        self._log.write("debug", event, fields + more)


class _Lane:
    """One thread and one connection for one target; calls leave in the order in which they came."""

    def __init__(self, caller: _Caller, target: str, lane: Lane, deliver: Deliver) -> None:
        self._caller = caller
        self._deliver = deliver
        self._queue: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._exchange = caller.exchange(caller.link_to(target))
        self._thread = threading.Thread(target=self._run, name=f"{lane.value}-{target}", daemon=True)
        self._thread.start()

    def send(self, call: Call) -> None:
        self._queue.put(call)

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def retire(self) -> None:
        self._queue.put(None)

    def stop(self) -> None:
        self._stopping.set()
        self._queue.put(None)
        self._exchange.abort()

    def join(self, deadline_s: float) -> None:
        self._thread.join(max(0.0, deadline_s - time.monotonic()))
        if self._thread.is_alive():
            raise RuntimeError(f"{self._thread.name} is still in a call that should have timed out")

    def _run(self) -> None:
        while (call := self._queue.get()) is not None and not self._stopping.is_set():
            outcome = self._caller.perform(self._exchange, call)
            if not self._stopping.is_set():
                self._deliver(outcome)
        self._exchange.close()


class _Forwards:
    """Forwarded client requests: as many at once as client threads may wait for them, no queue."""

    def __init__(self, caller: _Caller, deliver: Deliver, at_once_max: int) -> None:
        self._caller = caller
        self._deliver = deliver
        self._at_once_max = at_once_max
        self._room = threading.Semaphore(at_once_max)
        self._lock = threading.Lock()
        self._idle: dict[str, list[Exchange]] = {}
        """By link address."""
        self._busy: list[Exchange] = []
        # one thread more: it says "no room" to who found none
        self._pool = ThreadPoolExecutor(at_once_max + 1, thread_name_prefix="forward")

    def send(self, call: Call) -> None:
        has_room = self._room.acquire(blocking=False)
        self._pool.submit(self._perform if has_room else self._refuse, call)

    def close(self) -> None:
        with self._lock:
            busy = list(self._busy)
        for exchange in busy:
            exchange.abort()
        self._pool.shutdown(wait=True, cancel_futures=True)
        for exchanges in self._idle.values():
            for exchange in exchanges:
                exchange.close()

    def _perform(self, call: Call) -> None:
        link = self._caller.link_to(call.target)
        exchange = self._take(link)
        try:
            outcome = self._caller.perform(exchange, call)
        finally:
            self._give_back(link, exchange)
            self._room.release()
        self._deliver(outcome)

    def _refuse(self, call: Call) -> None:
        message = (
            f"{self._at_once_max} requests already wait for a forward, which is half of this node's client "
            f"threads; ask {call.target} directly or try again"
        )
        self._deliver(CallReturned(call.call_id, ForwardAnswer(Refused(status=503, message=message))))

    def _take(self, link: str) -> Exchange:
        with self._lock:
            idle = self._idle.get(link)
            exchange = idle.pop() if idle else self._caller.exchange(link)
            self._busy.append(exchange)
        return exchange

    def _give_back(self, link: str, exchange: Exchange) -> None:
        with self._lock:
            self._busy.remove(exchange)
            self._idle.setdefault(link, []).append(exchange)


def _headers(config: NodeConfig) -> Mapping[str, str]:
    headers = {
        "User-Agent": f"Nacos-Server:{NACOS_VERSION}",
        "Client-Version": NACOS_VERSION,
        "Nacos-Server": NACOS_VERSION,
        "Request-Source": config.address,
        "Accept-Encoding": "identity",
    }
    if config.identity_header:
        headers[config.identity_header] = config.identity_value
    return headers
