"""The program of an agent: registers one instance in some services and beats for it, as R21 says.

Each registration beats in a thread of its own, so that one that waits for a cut server delays no
other. A beat goes to a server drawn at random and moves on to the next on any 5xx, on a 400 that
refuses a redirect, and on no answer in time; when all were tried, it rests until the next beat.
"""

import itertools
import json
import random
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from http.client import HTTPException
from urllib.parse import urlencode

from harness.agent_watch import Watch
from harness.kept_connections import KeptConnections

HEADERS = {"User-Agent": "cutheal-agent"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPlan:
    """What an agent does; `servers` are `(node name, link address)`, durations real seconds."""

    name: str
    ip: str
    port: int
    services: tuple[str, ...]
    """Grouped names."""
    servers: tuple[tuple[str, str], ...]
    beat_real_s: float
    timeout_real_s: float
    seed: int
    metadata: tuple[tuple[str, str], ...] = ()
    subscribes: tuple[str, ...] = ()
    """Grouped names."""
    push: tuple[tuple[str, str], ...] = ()
    """`(node name, address)`: where each server is to push to, so that it reaches this agent."""

    def to_json(self) -> str:
        """The one argument of the agent's process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "AgentPlan":
        """Read back what `to_json` wrote."""
        fields = json.loads(text)
        for name in ("servers", "metadata", "push"):
            fields[name] = tuple((first, second) for first, second in fields[name])
        for name in ("services", "subscribes"):
            fields[name] = tuple(fields[name])
        return cls(**fields)


def main(argv: Sequence[str]) -> int:
    """Beat for every service of the plan until SIGTERM; return the exit status."""
    # Blocked in all threads and waited for: a handler that sets an event may run too late for its waiter.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    plan = AgentPlan.from_json(argv[0])
    stop = threading.Event()
    threads = [
        threading.Thread(target=Registration(plan, service, stop).run, name=service, daemon=True)
        for service in plan.services
    ]
    if plan.subscribes:
        threads += _watching(plan, stop)
    for thread in threads:
        thread.start()
    signal.sigwait({signal.SIGTERM})
    stop.set()
    for thread in threads:
        thread.join(plan.timeout_real_s)
    return 0


def _watching(plan: AgentPlan, stop: threading.Event) -> list[threading.Thread]:
    """Return the threads that poll, one for each service, and start the one that takes pushes."""
    push = dict(plan.push)
    servers = {name: (address, push[name]) for name, address in plan.servers}
    watch = Watch(servers, lambda event, service, detail: _log(event, plan.name, service, detail))
    _log("listening", plan.name, "", watch.listening)
    threading.Thread(target=watch.receive, name="pushes", daemon=True).start()

    def poll(service: str) -> None:
        rounds = itertools.count()
        rest_s: float | None = 0.0
        while not stop.wait(plan.beat_real_s if rest_s is None else rest_s):
            rest_s = watch.ask(service, next(rounds), plan.timeout_real_s)

    return [
        threading.Thread(target=poll, args=(service,), name=f"poll {service}", daemon=True)
        for service in plan.subscribes
    ]


class Registration:
    """One instance in one service: registered once, then kept alive by full beats."""

    def __init__(self, plan: AgentPlan, service: str, stop: threading.Event) -> None:
        self._plan = plan
        self._service = service
        self._stop = stop
        # seeded by a text: the hash of a tuple would differ with PYTHONHASHSEED
        self._random = random.Random(f"{plan.seed} {plan.name} {service}")
        self._connections = {
            address: KeptConnections(address, plan.timeout_real_s) for _, address in plan.servers
        }
        self._reached = ""

    def run(self) -> None:
        """Register at once, then beat at a fixed rate from a random phase on."""
        registered = self._ask_any("POST", "/nacos/v1/ns/instance", self._identity() | {"ephemeral": "true"})
        due = time.monotonic() + self._random.uniform(0, self._plan.beat_real_s) * registered
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            self._ask_any("PUT", "/nacos/v1/ns/instance/beat", self._identity() | {"beat": self._beat()})
            missed = max(0.0, time.monotonic() - due) // self._plan.beat_real_s
            due += (1 + missed) * self._plan.beat_real_s
        for connections in self._connections.values():
            connections.close()

    def _ask_any(self, method: str, path: str, parameters: dict[str, str]) -> bool:
        servers = self._random.sample(self._plan.servers, len(self._plan.servers))
        refusals = []
        for name, address in servers:
            refusal = self._ask(method, address, f"{path}?{urlencode(parameters)}")
            if refusal is None:
                self._tell_change("reached", name)
                return True
            refusals.append(f"{name}: {refusal}")
            if self._stop.is_set():
                return False
        self._tell_change("", "; ".join(refusals))
        return False

    def _ask(self, method: str, address: str, target: str) -> str | None:
        """Send one request; None when the server took it, else why to move on."""
        try:
            answer = self._connections[address].send(method, target, HEADERS)
        except (OSError, HTTPException) as error:
            return str(error) or type(error).__name__
        if answer.status >= 500 or (answer.status == 400 and "redirect" in answer.text):
            return f"{answer.status} {answer.text.strip()[:120]}"
        if not answer.is_ok:
            _log("refused", self._plan.name, self._service, f"{answer.status} {answer.text.strip()}")
        if not answer.body:
            return "an empty answer: cut inside the headers"
        return None

    def _identity(self) -> dict[str, str]:
        return {
            "serviceName": self._service,
            "ip": self._plan.ip,
            "port": str(self._plan.port),
            "metadata": json.dumps(dict(self._plan.metadata)),
        }

    def _beat(self) -> str:
        return json.dumps(
            {
                "serviceName": self._service,
                "ip": self._plan.ip,
                "port": self._plan.port,
                "cluster": "DEFAULT",
                "weight": 1.0,
                "metadata": dict(self._plan.metadata),
                "ephemeral": True,
                "scheduled": True,
            }
        )

    def _tell_change(self, reached: str, detail: str) -> None:
        if reached != self._reached or not reached:
            _log("reached" if reached else "reached_nobody", self._plan.name, self._service, detail)
        self._reached = reached


def _log(event: str, agent: str, service: str, detail: object) -> None:
    line = f"monotonic={time.monotonic():.6f} agent={agent} event={event} service={service}"
    sys.stderr.write(f"{line} detail={json.dumps(detail)}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
