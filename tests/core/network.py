"""What a simulated cluster is made of: processes, calls on their way, and the cuts between them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from nodecore.core.answers import Answer
from nodecore.core.events import Event
from nodecore.core.node import Node

Edge = tuple[str, str]


class Condition(StrEnum):
    """What a simulated process is doing."""

    ALIVE = "alive"
    PAUSED = "paused"
    DEAD = "dead"


@dataclass(slots=True)
class Process:
    """One core and the state of the process it would run in."""

    node: Node
    condition: Condition = Condition.ALIVE
    incarnation: int = 0
    queued: list[Event] = field(default_factory=list)
    """What arrived while it was paused."""
    tick_at: float | None = None


@dataclass(slots=True)
class Flight:
    """A call on its way: who waits for what."""

    source: str
    target: str
    incarnation: int
    call_id: int
    done: bool = False
    lost: bool = False
    """A message of it was swallowed by a cut: it ends when the cut is healed, or by its time-out."""


@dataclass(slots=True)
class Asked:
    """A client's request and, once there is one, its answer."""

    answered: Callable[[Answer], None]
    source: str


@dataclass(slots=True)
class Network:
    """Which messages are swallowed and which connections are refused, by directed edge."""

    swallowed: dict[Edge, int] = field(default_factory=dict)
    refused: dict[Edge, int] = field(default_factory=dict)
