"""What a test asks for: one frozen description of a cluster."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.program import Nodecore, Program

TIME_SCALE_MIN = 0.02
TIME_SCALE_DEFAULT = 0.05


class BadSpec(ValueError):
    """A cluster that cannot be built; the message says which field and what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSpec:
    """A cluster as the test wants it; `time_scale` None takes the session's.

    Args:
        nodes: how many, from 1 to 20.
        profile: `documented` or `corrected`.
        config: further settings of the program, for nodecore any of its timings and limits, in document
            seconds: `{"timings.verify_s": 10}`.
        program: the system under test.

    Raises:
        BadSpec: a field is out of bounds.

    """

    nodes: int = 3
    profile: str = "documented"
    time_scale: float | None = None
    config: Mapping[str, object] = field(default_factory=dict)
    program: Program = field(default_factory=Nodecore)

    def __post_init__(self) -> None:
        if not 1 <= self.nodes <= 20:
            raise BadSpec(f"nodes={self.nodes}: a cluster has 1 to 20 nodes")
        if self.profile not in ("documented", "corrected"):
            raise BadSpec(f"profile={self.profile!r}: there are 'documented' and 'corrected'")
        if self.time_scale is not None:
            check_time_scale(self.time_scale)


def check_time_scale(time_scale: float) -> None:
    """Refuse a time scale at which noise alone expires live instances (reference/measured.md, "Time").

    Raises:
        BadSpec: below 0.02, or above 1.

    """
    if not TIME_SCALE_MIN <= time_scale <= 1:
        raise BadSpec(
            f"time_scale={time_scale}: from {TIME_SCALE_MIN} to 1; below {TIME_SCALE_MIN} live instances "
            "expire from scheduling noise alone"
        )
