"""How the parts of a node are put together: who holds what, and who is told of what.

Invariant: each part is made once, and everything that two parts must agree on is the same object in both.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from nodecore.config import NodeConfig, Profile
from nodecore.core.beats import Beats
from nodecore.core.catalogue import Catalogue
from nodecore.core.cp_requests import CpRequests
from nodecore.core.cp_state import CpState
from nodecore.core.foreign import Foreign
from nodecore.core.health import Health
from nodecore.core.judge import Judge
from nodecore.core.load import Load
from nodecore.core.members import Members
from nodecore.core.membership import Membership
from nodecore.core.naming import Naming
from nodecore.core.outward import Outward
from nodecore.core.overview import Overview
from nodecore.core.peers import PeerSide
from nodecore.core.probing import Probing
from nodecore.core.projection import Projection
from nodecore.core.push import Pushes
from nodecore.core.replica import Replica
from nodecore.core.reports import Reports
from nodecore.core.reset import Reset
from nodecore.core.resources import ResourceType
from nodecore.core.routing import Routing
from nodecore.core.services import Services
from nodecore.core.store import Store
from nodecore.core.switches import Switches
from nodecore.core.sync import Sync
from nodecore.core.verify import Verification
from nodecore.core.writes import Writes


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts that a node drives itself."""

    out: Outward
    members: Members
    replica: Replica
    sync: Sync
    verification: Verification
    switches: Switches
    judge: Judge
    load: Load
    reports: Reports
    pushes: Pushes
    naming: Naming
    foreign: Foreign
    probing: Probing
    health: Health
    membership: Membership
    peers: PeerSide
    routing: Routing
    cp_requests: CpRequests | None
    cp_state: CpState
    reset: Reset
    overview: Overview


def assemble(config: NodeConfig, resources: Iterable[ResourceType]) -> Parts:
    """Make the parts of one node. `resources` are the registered types of data (R8)."""
    timings = config.timings.scaled(config.time_scale)
    own = config.address or f"{config.host}:{config.client_port}"
    owed: list[str] = []
    out = Outward()
    members = Members(own, config.members, config.limits.reports_failed_until_down)
    store = Store(resources)
    replica = Replica(out, store, Beats(members.owns))
    sync = Sync(own, out, store, timings, config.limits, lambda member: member not in owed)
    sync.set_members(members.others)
    common = (out, replica, members, sync, timings)
    verification = Verification(*common, config.limits)
    switches = Switches(timings)
    judge = Judge(*common, switches)
    load = Load(*common, owed)
    reports = Reports(out, members, timings)
    pushes = Pushes(out, timings, config.limits, switches)
    projection = Projection(out)
    catalogue = Catalogue(replica, projection)
    everywhere = config.profile is Profile.CORRECTED
    services = Services(out, replica, catalogue, members, sync, deletes_everywhere=everywhere)
    naming = Naming(replica, catalogue, sync, pushes, services, switches)
    health = Health(out, members, projection, services, switches, timings.report_timeout_s)
    probing = Probing(out, members, projection, switches, timings, services.checks_of, health.changed)
    cp_state = CpState(out, projection, services, switches, probing)
    has_cp = config.raft_port is not None
    cp_requests = CpRequests(catalogue, naming, services, switches) if has_cp else None
    writes = Writes(replica, sync, switches)
    foreign = Foreign(out, replica, members, timings.report_timeout_s)
    forgetting = (replica, sync, verification, services, pushes, foreign)
    return Parts(
        out=out,
        members=members,
        replica=replica,
        sync=sync,
        verification=verification,
        switches=switches,
        judge=judge,
        load=load,
        reports=reports,
        pushes=pushes,
        naming=naming,
        foreign=foreign,
        probing=probing,
        health=health,
        membership=Membership(out, members, reports, sync, load, verification, (judge, probing, health)),
        peers=PeerSide(replica, members, sync.writers, verification, reports, load, foreign, health),
        routing=Routing(out, members, naming, writes, health, timings, cp_requests),
        cp_requests=cp_requests,
        cp_state=cp_state,
        reset=Reset(out, members, load, judge, switches, cp_state, forgetting),
        overview=Overview(
            config, out, replica, members, sync, load, judge, services, pushes, switches, projection
        ),
    )
