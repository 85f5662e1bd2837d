"""What load is wanted: how many clients, at which rate, how their sends are spread over time.

Invariant: a plan that exists is right; what is wrong is said when it is made, in one line.
"""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

CLIENTS_MAX = 512
RATE_MAX = 100_000.0


class BadLoad(ValueError):
    """A load that makes no sense; the message says which field and what would be right."""


class Arrivals(StrEnum):
    """How intended sends are spread over time in an open loop."""

    CONSTANT = "constant"
    """Evenly, as wrk2 and HdrHistogram's author would have it."""
    POISSON = "poisson"
    """As many independent users send: the gaps are exponential."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPlan:
    """A load as the test wants it.

    Args:
        clients: how many send side by side, each over a connection of its own, one request at a time.
        rate_per_real_s: intended sends of all clients together in a real second (an open loop); None: each
            client sends again as soon as it has its answer (a closed loop).
        arrivals: `constant` or `poisson`.
        seed: of the gaps of `poisson`, and of each client's `random`.

    Raises:
        BadLoad: a field is out of bounds.

    """

    clients: int = 4
    rate_per_real_s: float | None = None
    arrivals: str = Arrivals.CONSTANT
    seed: int = 0

    def __post_init__(self) -> None:
        if type(self.clients) is not int or not 1 <= self.clients <= CLIENTS_MAX:
            raise BadLoad(f"clients={self.clients!r}: a whole number from 1 to {CLIENTS_MAX} is needed")
        rate = self.rate_per_real_s
        if rate is not None and (type(rate) not in (int, float) or not 0 < rate <= RATE_MAX):
            raise BadLoad(
                f"rate_per_real_s={rate!r}: a number above 0, at most {RATE_MAX:g}, or None for a closed loop"
            )
        if self.arrivals not in list(Arrivals):
            raise BadLoad(f"arrivals={self.arrivals!r}: one of {', '.join(Arrivals)} is needed")

    @property
    def is_open(self) -> bool:
        """Whether sends follow a schedule, whatever the answers do."""
        return self.rate_per_real_s is not None

    def as_json(self) -> dict[str, Any]:
        """All fields."""
        return asdict(self)
