"""What a test asks for: one frozen description of a cluster."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil

from harness.program import RIGHT_PROGRAM, Capability, Program, is_program
from harness.programs.nodecore import CALLS_PER_PAIR_S, Nodecore

TIME_SCALE_MIN = 0.02
TIME_SCALE_DEFAULT = 0.05
CALLS_PER_CORE_AND_SECOND = 350
"""A call costs both ends together about 1.5 ms; half of each core is left for the rest."""

SLOTS_PER_NODE = 2
"""A slot is a process: a cluster takes as many again as it has nodes, for its agents come later."""

SLOTS_PER_NODE_WITH_CP = 3
"""Raft makes an idle node 0.4 dearer (0.055 in place of 0.039 core at 0.05), and its elections need quiet."""


class BadSpec(ValueError):
    """A cluster that cannot be built; the message says which field and what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSpec:
    """A cluster as the test wants it; `time_scale` None takes the session's.

    Args:
        nodes: how many, from 1 to 20.
        grow_to: how many it may come to have by `add_node`; its slots are kept free from the start.
        profile: `documented` or `corrected`.
        cp: whether its nodes run the CP protocol too; it takes a Raft port and a link for each pair more, and
            the cluster is ready when a leader is there.
        config: further settings of the program, for nodecore any of its timings and limits, in document
            seconds: `{"timings.verify_s": 10}`.
        program: the system under test.

    Raises:
        BadSpec: a field is out of bounds.

    """

    nodes: int = 3
    grow_to: int | None = None
    profile: str = "documented"
    time_scale: float | None = None
    cp: bool = False
    config: Mapping[str, object] = field(default_factory=dict)
    program: Program = field(default_factory=Nodecore)

    def __post_init__(self) -> None:
        if not is_program(self.program):
            raise BadSpec(f"program={self.program!r}: {RIGHT_PROGRAM}")
        if not 1 <= self.nodes <= 20:
            raise BadSpec(f"nodes={self.nodes}: a cluster has 1 to 20 nodes")
        if self.grow_to is not None and not self.nodes <= self.grow_to <= 20:
            raise BadSpec(f"grow_to={self.grow_to}: from nodes={self.nodes} to 20")
        if self.profile not in ("documented", "corrected"):
            raise BadSpec(f"profile={self.profile!r}: there are 'documented' and 'corrected'")
        if self.profile != "documented" and Capability.PROFILES not in self.program.capabilities:
            raise BadSpec(f"profile={self.profile!r}: {self.program.name} has no profiles")
        if self.cp and Capability.CP not in self.program.capabilities:
            raise BadSpec(f"cp=True: {self.program.name} has no CP protocol")
        if self.time_scale is not None:
            check_time_scale(self.time_scale)

    @property
    def nodes_max(self) -> int:
        """How many nodes it has room for when it begins."""
        return self.nodes if self.grow_to is None else self.grow_to

    @property
    def slots_per_node(self) -> int:
        """How much of the machine each of them takes, its agents included."""
        return SLOTS_PER_NODE_WITH_CP if self.cp else SLOTS_PER_NODE


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


def least_time_scale(nodes: int, cores: int, calls_per_pair_s: float = CALLS_PER_PAIR_S) -> float:
    """Return the least time scale at which so many cores carry what so many nodes say to each other.

    The calls grow with the square of the nodes: 20 nodecores at 0.05 make 3,040 a second, and on 2 cores
    never even boot.
    """
    calls_per_document_second = calls_per_pair_s * nodes * (nodes - 1)
    return max(TIME_SCALE_MIN, calls_per_document_second / (CALLS_PER_CORE_AND_SECOND * cores))


def check_fits(nodes: int, time_scale: float, cores: int, calls_per_pair_s: float) -> None:
    """Refuse a cluster whose own traffic would drown this machine.

    Raises:
        BadSpec: names the time scale that would do.

    """
    least = least_time_scale(nodes, cores, calls_per_pair_s)
    if time_scale < least:
        raise BadSpec(
            f"nodes={nodes} at time_scale={time_scale}: their reports and checksums alone are more than "
            f"{cores} cores carry; right would be time_scale={ceil(least * 100) / 100} or more"
        )
