"""The reply to GET /instance/list, as each of the original's clients needs it (nacos-clients.md, "Replies").

Invariant: `clusters` is echoed exactly and `name` is always grouped, for clients key their cache by the two.
"""

from dataclasses import dataclass

from nodecore.core.answers import InstancesAnswer
from nodecore.core.keys import bare_name
from nodecore.core.records import Instance
from nodecore.runtime.wire.records import wall_ms

JAVA_AGENT = "Nacos-Java-Client"
"""npm's client calls itself so too, and expects the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """What of the request shapes the answer, beside what was asked."""

    clusters: str = ""
    """Echoed exactly: clients key their cache by it."""
    is_java: bool = False
    """Java clients get grouped names where others get bare ones."""


def list_reader(agent: str, clusters: str) -> Reader:
    """Return how a client with this User-Agent reads a list that it asked for with these `clusters`."""
    return Reader(clusters=clusters, is_java=agent.startswith(JAVA_AGENT))


def list_body(answer: InstancesAnswer, reader: Reader) -> dict[str, object]:
    """Return the JSON of a list; of an unknown service only the first four fields."""
    start: dict[str, object] = {
        "name": answer.service,
        "clusters": reader.clusters,
        "cacheMillis": round(answer.cache_s * 1000),
        "hosts": [_host(i, reader) for i in answer.instances if i.enabled],
    }
    if not answer.known:
        return start
    return start | {
        "dom": answer.service if reader.is_java else bare_name(answer.service),
        "lastRefTime": wall_ms(),
        "checksum": answer.checksum,
        "useSpecifiedURL": False,
        "env": "",
        "metadata": {},
    }


def _host(instance: Instance, reader: Reader) -> dict[str, object]:
    return {
        "ip": instance.ip,
        "port": instance.port,
        "valid": instance.healthy,
        "healthy": instance.healthy,
        "marked": instance.marked,
        "enabled": instance.enabled,
        "weight": instance.weight,
        "instanceId": instance.instance_id,
        "clusterName": instance.cluster,
        "serviceName": instance.service if reader.is_java else bare_name(instance.service),
        "ephemeral": instance.ephemeral,
        "metadata": dict(instance.metadata),
    }
