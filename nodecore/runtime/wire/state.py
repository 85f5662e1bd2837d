"""A node's whole view at one moment as JSON, for observers (`GET /cutheal/state`).

Invariant: two nodes that hold the same data have the same `digest`, and its parts tell which key differs.
"""

import hashlib
from collections.abc import Iterable

from nodecore.core.answers import StateAnswer
from nodecore.core.keys import namespace_of, service_of
from nodecore.core.records import Datum, Instance, Instances


def state_body(state: StateAnswer) -> dict[str, object]:
    """Return the JSON of a node's state, instances sorted by ip, port and cluster."""
    return {
        "name": state.name,
        "address": state.address,
        "profile": state.profile,
        "loaded": state.loaded,
        "stalled": state.stalled,
        "members": [
            {"address": m.address, "state": m.state.value, "reports_failed": m.reports_failed}
            for m in state.members
        ],
        "ring": list(state.ring),
        "pending": state.pending,
        "calls": state.calls,
        "merges_owed": list(state.merges_owed),
        "services": {_name(d.key): _instances(d.value) for d in state.data if isinstance(d.value, Instances)},
        "persistent": {_name(key): _instances(value) for key, value in state.persistent},
        "digest": digest(zip(state.data, state.checksums, strict=True)),
    }


def digest(data: Iterable[tuple[Datum, str]]) -> str:
    """Return the md5 over `key=checksum` lines of all instance lists in key order."""
    lines = "".join([f"{d.key}={checksum}\n" for d, checksum in data if isinstance(d.value, Instances)])
    return hashlib.md5(lines.encode(), usedforsecurity=False).hexdigest()


def _name(key: str) -> str:
    return f"{namespace_of(key)}##{service_of(key)}"


def _instances(value: Instances) -> list[dict[str, object]]:
    return [_instance(i) for i in sorted(value.instances, key=lambda i: i.identity)]


def _instance(instance: Instance) -> dict[str, object]:
    return {
        "ip": instance.ip,
        "port": instance.port,
        "cluster": instance.cluster,
        "healthy": instance.healthy,
        "enabled": instance.enabled,
        "weight": instance.weight,
        "metadata": dict(instance.metadata),
    }
