"""A node's view of itself: all of it for an observer, or the counts of one moment.

Invariant: it reads and changes nothing, and needs no loaded node.
"""

from collections import Counter
from dataclasses import dataclass

from nodecore.config import NodeConfig
from nodecore.core.answers import StateAnswer
from nodecore.core.enquiries import MetricsAnswer
from nodecore.core.judge import Judge
from nodecore.core.load import Load
from nodecore.core.members import Members
from nodecore.core.outward import Outward
from nodecore.core.projection import Projection
from nodecore.core.push import Pushes
from nodecore.core.records import Instances, ServerStatus
from nodecore.core.replica import Replica
from nodecore.core.services import Services
from nodecore.core.switches import Switches
from nodecore.core.sync import Sync


@dataclass(frozen=True, slots=True)
class Overview:
    """Reads the parts of a node."""

    config: NodeConfig
    out: Outward
    replica: Replica
    members: Members
    sync: Sync
    load: Load
    judge: Judge
    services: Services
    pushes: Pushes
    switches: Switches
    projection: Projection

    def state(self, now: float) -> StateAnswer:
        """Return the whole view, with the data and their checksums."""
        store = self.replica.store
        data, persistent = store.data(), self.projection.sorted_keys()
        return StateAnswer(
            name=self.config.name,
            address=self.members.own,
            profile=self.config.profile.value,
            loaded=self.load.loaded,
            stalled=self.judge.is_stalled(now),
            members=self.members.entries(),
            ring=self.members.ring.addresses,
            pending=self.sync.pending(),
            calls=self.out.open_with_data,
            merges_owed=tuple(self.load.owed),
            data=data,
            checksums=tuple(store.checksum(datum.key) or "" for datum in data),
            persistent=tuple((key, self.projection.get(key) or Instances()) for key in persistent),
        )

    def metrics(self) -> MetricsAnswer:
        """Return the counts of this moment."""
        actual = ServerStatus.UP if self.load.loaded else ServerStatus.STARTING
        services, instances, services_owned, instances_owned = self.services.count_owned()
        return MetricsAnswer(
            status=self.switches.now.overridden_server_status or actual,
            services=services,
            instances=instances,
            services_owned=services_owned,
            instances_owned=instances_owned,
            records=self.replica.store.count(),
            pending=self.sync.pending(),
            subscribers=self.pushes.count,
            members=tuple(sorted(Counter(m.state.value for m in self.members.entries()).items())),
        )
