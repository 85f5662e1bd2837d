"""What a node is told before it starts: pure, frozen values without any I/O.

Durations are document seconds (time as the documents write it); `Timings.scaled` makes them real.
Every limit has its reason beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum

TIME_SCALE_MIN = 0.02
"""Below this, live instances expire from scheduling noise alone (reference/measured.md, "Time")."""


RAFT_FLOORS_REAL_S: Mapping[str, float] = {
    "raft_append_s": 0.04,
    "raft_election_min_s": 0.15,
    "raft_election_max_s": 0.3,
    "raft_connection_s": 0.6,
    "raft_retry_s": 0.1,
    "raft_fallback_s": 0.3,
    "raft_request_timeout_s": 1.0,
}
"""Real seconds below which a Raft timing does not scale: below them a busy machine changes the leader from
scheduling noise alone (reference/measured.md, last lines). A request outlives an election."""


class Profile(StrEnum):
    """`documented` behaves as the documents describe; `corrected` as users wish."""

    DOCUMENTED = "documented"
    CORRECTED = "corrected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Every duration of the documents, in document seconds unless the name says `_real_s`."""

    report_s: float = 5.0
    report_timeout_s: float = 2.5
    lookup_file_s: float = 1.0
    """Between two looks at the members file."""
    lookup_server_s: float = 5.0
    lookup_server_timeout_s: float = 3.0
    sync_delay_s: float = 1.0
    sync_retry_s: float = 5.0
    sync_timeout_s: float = 3.0
    verify_s: float = 5.0
    verify_timeout_s: float = 3.0
    pull_timeout_s: float = 3.0
    load_timeout_s: float = 3.0
    load_retry_max_s: float = 30.0
    load_retry_first_real_s: float = 0.02
    forward_timeout_s: float = 2.0
    beat_s: float = 5.0
    judge_s: float = 5.0
    unhealthy_after_s: float = 15.0
    remove_after_s: float = 30.0
    list_cache_s: float = 3.0
    """How long a client that polls keeps a list."""
    push_cache_s: float = 10.0
    """The same for one that is pushed to, which is forgotten when it has not asked for so long."""
    push_delay_s: float = 0.1
    """Changes of one service within it are pushed as one; the original takes 1 s. Scaled with all others,
    so that what a client waits for keeps its proportion to the sync that brings the change."""
    push_ack_timeout_s: float = 10.0
    raft_append_s: float = 0.8
    """Between two appends of a Raft leader that has nothing to append: its heartbeat."""
    raft_election_min_s: float = 3.0
    """A follower that has not heard from a leader for so long, and up to the next, stands for election."""
    raft_election_max_s: float = 6.0
    raft_connection_s: float = 12.0
    """A connection over which nothing came for so long is dead."""
    raft_retry_s: float = 2.0
    """Between two attempts to connect."""
    raft_fallback_s: float = 6.0
    """A leader that no majority has answered for so long resigns."""
    raft_request_timeout_s: float = 10.0
    """What a write or a linearizable read may take, looking for a leader included."""
    probe_timeout_s: float = 0.5
    """Of one active check of a persistent instance (R19)."""
    probe_first_s: float = 2.0
    """Before the first check, and a part of `probe_tcp_max_s` more, by the instance's name."""
    probe_tcp_min_s: float = 1.0
    probe_tcp_max_s: float = 5.0
    """Between two checks; where in between depends on how long they take."""
    probe_http_min_s: float = 0.5
    probe_http_max_s: float = 5.0
    probe_mysql_min_s: float = 2.0
    probe_mysql_max_s: float = 3.0
    health_period_s: float = 5.0
    """Between two messages that tell a member the health of all persistent instances."""
    call_timeout_min_real_s: float = 0.3
    """The time-out of one call never shrinks below this: a scheduler's delay does not scale."""

    def scaled(self, time_scale: float) -> "Timings":
        """Return these timings in real seconds.

        Durations named `*_timeout_s` are those of one call and never fall below
        `call_timeout_min_real_s`, those of Raft never below `RAFT_FLOORS_REAL_S`;
        `*_real_s` stay as they are.
        """
        return replace(self, **{f.name: self._scaled_field(f.name, time_scale) for f in fields(self)})

    def _scaled_field(self, name: str, time_scale: float) -> float:
        value: float = getattr(self, name)
        if name.endswith("_real_s"):
            return value
        if name in RAFT_FLOORS_REAL_S:
            return max(value * time_scale, RAFT_FLOORS_REAL_S[name])
        if name.endswith("_timeout_s"):
            return max(value * time_scale, self.call_timeout_min_real_s)
        return value * time_scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on everything that could grow."""

    sync_batch_keys_max: int = 1000
    """Nacos' batchSyncKeyCount: one lost batch costs one retry, not the whole store."""
    sync_batch_instances_max: int = 20_000
    """About 8 MB: the member reads a batch whole, and takes `body_bytes_max`. One list is never divided."""
    reports_failed_until_down: int = 4
    """Four in a row make a member DOWN (R17)."""
    client_threads: int = 16
    """Half of them may wait for a forward, so eight clients on slow links leave eight free."""
    peer_threads: int = 16
    """Two lanes from each of up to seven peers and forwards, without queueing."""
    connections_max: int = 1000
    """waitress' connection_limit; the harness opens some dozens, a benchmark some hundreds."""
    body_bytes_max: int = 32 * 1024 * 1024
    """A list of 80,000 instances, or the checksums of 250,000 services; waitress' own default is 1 GiB."""
    channel_idle_real_s: int = 60
    """Longer than any pooled connection idles between two beats at time_scale 1."""
    subscribers_max: int = 10_000
    """A subscription is under 1 kB; who comes later polls, as who cannot be pushed to does."""
    cp_waiting_max: int = 16
    """Requests that may wait for CP: a node with CP has as many threads more, and nobody else waits."""
    raft_command_bytes_max: int = 256 * 1024
    """Of one command on the Raft log; every member keeps the log in memory until it is compacted."""
    raft_waiting_max: int = 10_000
    """Writes and reads that wait for the leader or the majority; who comes later is told at once."""
    raft_compact_entries: int = 5000
    """The log is compacted to a snapshot when it is so long."""
    probe_ids_max: int = 1024
    """A matrix of 20 nodes asks 760 probes; the harness asks for them at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """Everything `python -m nodecore` can be told; addresses are `ip:port` strings."""

    name: str
    host: str = "127.0.0.1"
    client_port: int = 8848
    peer_port: int = 0
    """0: any free port; it is named in the ready line."""
    address: str = ""
    """The one address all members know this node by; default `host:client_port`."""
    members: tuple[str, ...] = ()
    """All members, this node included; empty and no `members_file`: standalone."""
    members_file: str | None = None
    """A cluster.conf: one `ip[:port]` a line, `#` comments, read again when it changes (R16)."""
    address_server: str | None = None
    """URL of an HTTP server that answers with a cluster.conf, polled (R16)."""
    dial: tuple[tuple[str, str], ...] = ()
    """Where a member is dialled: advertised address -> link address that leads to its peer port."""
    raft_port: int | None = None
    """Where Raft listens, on `host`; 0: any free port; None: this node has no CP."""
    raft_dial: tuple[tuple[str, str], ...] = ()
    """Where a member's Raft is dialled: advertised address -> `ip:port`; by default its port minus 1000."""
    raft_join: bool = False
    """Join a cluster that already runs: stand for no election before its leader has added this node."""
    data_dir: str | None = None
    """The folder of Raft's journal and snapshot; None: in memory, so a restart forgets."""
    probe_dial: tuple[tuple[str, str], ...] = ()
    """Where an instance is dialled to be checked: its `ip:port` -> `ip:port`; more is said at run time."""
    time_scale: float = 1.0
    profile: Profile = Profile.DOCUMENTED
    timings: Timings = field(default_factory=Timings)
    limits: Limits = field(default_factory=Limits)
    identity_header: str | None = None
    identity_value: str = ""
    log_level: str = "info"
