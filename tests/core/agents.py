"""A simulated service client: registers in services and beats, asking servers at random (R21)."""

from collections.abc import Iterable

from nodecore.core.answers import Answer, BeatAnswer, Refused
from nodecore.core.operations import Beat, Operation, RegisterInstance
from nodecore.core.records import DEFAULT_CLUSTER, Instance
from tests.core.world import World

NAMESPACE = "public"
NO_ANSWER_WITHIN_S = 1.0


def instance(service: str, ip: str, **fields: object) -> Instance:
    """Return an instance as clients register it."""
    return Instance(ip=ip, port=80, service=service, **fields)  # type: ignore[arg-type]


class Agent:
    """One client; each of its registrations beats on its own."""

    def __init__(self, world: World, name: str, ip: str, services: Iterable[str]) -> None:
        self.world = world
        self.name = name
        self.ip = ip
        self._alive = True
        for service in services:
            self._try(service, register=True)
            world.later(world.random.uniform(0, world.timings.beat_s), lambda s=service: self._beat(s))

    def stop(self) -> None:
        """Fall silent, as a killed client does."""
        self._alive = False

    def _beat(self, service: str) -> None:
        if self._alive:
            self._try(service, register=False)
            self.world.later(self.world.timings.beat_s, lambda: self._beat(service))

    def _try(self, service: str, *, register: bool) -> None:
        servers = list(self.world.addresses)
        self.world.random.shuffle(servers)
        self._next(service, servers, register=register)

    def _next(self, service: str, servers: list[str], *, register: bool) -> None:
        if not servers or not self._alive:
            return
        server, *rest = servers
        answered: list[Answer] = []

        def take(answer: Answer) -> None:
            if answered:
                return
            answered.append(answer)
            if isinstance(answer, Refused):
                self._next(service, rest, register=register)
            elif isinstance(answer, BeatAnswer) and not answer.known:
                self._next(service, servers, register=True)

        def give_up() -> None:
            if not answered:
                answered.append(Refused(status=503, message="no answer"))
                self._next(service, rest, register=register)

        self.world.submit(server, self._operation(service, register=register), take, source=self.name)
        self.world.later(NO_ANSWER_WITHIN_S, give_up)

    def _operation(self, service: str, *, register: bool) -> Operation:
        entry = instance(service, self.ip)
        if register:
            return RegisterInstance(namespace=NAMESPACE, instance=entry)
        full = self.world.random.random() < 0.5
        return Beat(
            namespace=NAMESPACE,
            service=service,
            ip=self.ip,
            port=80,
            cluster=DEFAULT_CLUSTER,
            instance=entry if full else None,
        )
