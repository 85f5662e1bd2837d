"""A program without processes: its api counts what it is asked, and fails as it is told."""

from dataclasses import dataclass, field
from typing import Any

from harness.program import NodePlan


class Refused(Exception):
    """What this program's api raises when it does not answer."""


@dataclass
class Api:
    """A client's connection to one node."""

    node: str
    is_open: bool = True

    def close(self) -> None:
        self.is_open = False


@dataclass
class Imagined:
    """As much of a program as a client needs."""

    name: str = "imagined"
    no_answer: tuple[type[Exception], ...] = (Refused,)
    apis: list[Api] = field(default_factory=list)

    def connect(self, plan: NodePlan) -> Any:
        self.apis.append(Api(plan.name))
        return self.apis[-1]


def node_plans(count: int) -> list[NodePlan]:
    addresses = [f"127.0.0.1:{port}" for port in range(1, count + 1)]
    return [
        NodePlan(
            name=f"s{number}",
            client_address=address,
            peer_address=address,
            members=tuple(addresses),
            dial=(),
            time_scale=0.05,
        )
        for number, address in enumerate(addresses, 1)
    ]
