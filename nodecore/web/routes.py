"""Every route of a node: method, path, and which API answers it by which method.

Paths are those of reference/nacos-1.4.md 1.9, 3.3 and 9; `/cutheal` and `distro/digest` are ours.
Invariant: no route stands twice.
"""

NS = "/nacos/v1/ns"
CLUSTER = "/nacos/v1/core/cluster"

_INSTANCES = (
    ("POST", f"{NS}/instance", "client.register"),
    ("PUT", f"{NS}/instance", "client.register"),
    ("PATCH", f"{NS}/instance", "client.patch_instance"),
    ("DELETE", f"{NS}/instance", "client.deregister"),
    ("GET", f"{NS}/instance", "client.get_instance"),
    ("GET", f"{NS}/instance/list", "client.list_instances"),
    ("PUT", f"{NS}/instance/beat", "client.beat"),
    ("PUT", f"{NS}/instance/metadata/batch", "client.update_metadata"),
    ("DELETE", f"{NS}/instance/metadata/batch", "client.remove_metadata"),
    ("GET", f"{NS}/instance/statuses", "catalog.statuses"),
)

_SERVICES = (
    ("POST", f"{NS}/service", "client.create_service"),
    ("PUT", f"{NS}/service", "client.update_service"),
    ("GET", f"{NS}/service", "client.get_service"),
    ("DELETE", f"{NS}/service", "client.delete_service"),
    ("GET", f"{NS}/service/list", "catalog.service_list"),
    ("GET", f"{NS}/service/names", "catalog.service_names"),
    ("GET", f"{NS}/service/subscribers", "client.subscribers"),
    ("PUT", f"{NS}/service/checksum", "catalog.service_checksum"),
    ("POST", f"{NS}/service/status", "peer.service_status"),
    ("GET", f"{NS}/catalog/services", "catalog.services"),
    ("GET", f"{NS}/catalog/service", "catalog.service"),
    ("GET", f"{NS}/catalog/instances", "catalog.instances"),
    ("PUT", f"{NS}/cluster", "client.set_checks"),
    ("PUT", f"{NS}/health", "client.set_health"),
    ("PUT", f"{NS}/health/instance", "client.set_health"),
    ("GET", f"{NS}/health/server", "operator.health_server"),
    ("GET", f"{NS}/health/checkers", "operator.health_checkers"),
)

_OPERATORS = tuple(
    (method, f"{NS}/{prefix}/{path}", name)
    for prefix in ("operator", "ops")
    for method, path, name in (
        ("GET", "metrics", "operator.metrics"),
        ("GET", "servers", "operator.servers"),
        ("GET", "switches", "operator.switches"),
        ("PUT", "switches", "operator.change_switch"),
        ("GET", "distro/server", "operator.responsible_server"),
    )
)

_MEMBERS = (
    ("GET", f"{CLUSTER}/nodes", "operator.members"),
    ("GET", f"{CLUSTER}/simple/nodes", "operator.addresses"),
    ("GET", f"{CLUSTER}/self", "operator.own_member"),
    ("GET", f"{CLUSTER}/health", "operator.own_health"),
    ("GET", f"{CLUSTER}/self/health", "operator.own_health"),
    ("GET", f"{CLUSTER}/lookup", "operator.lookup"),
    ("POST", f"{CLUSTER}/report", "peer.report"),
)

_PEERS = (
    ("PUT", f"{NS}/distro/datum", "peer.put_datum"),
    ("DELETE", f"{NS}/distro/datum", "peer.delete_datum"),
    ("GET", f"{NS}/distro/datum", "peer.get_datum"),
    ("GET", f"{NS}/distro/datums", "peer.get_datums"),
    ("PUT", f"{NS}/distro/checksum", "peer.put_checksum"),
    ("PUT", f"{NS}/distro/digest", "peer.put_digest"),
    ("PUT", f"{NS}/health/instances", "peer.instance_health"),
)

_OBSERVERS = (
    ("GET", "/cutheal/state", "observer.state"),
    ("GET", "/cutheal/raft", "observer.raft"),
    ("POST", "/cutheal/reset", "observer.reset"),
    ("POST", "/cutheal/probe", "observer.probe"),
    ("GET", "/cutheal/probe", "observer.probes_seen"),
    ("PUT", "/cutheal/probe-dial", "observer.probe_dial"),
)

_ABOUT = (
    ("GET", "/openapi.json", "about.openapi"),
    ("GET", "/metrics", "about.metrics"),
)

ROUTES = _INSTANCES + _SERVICES + _OPERATORS + _MEMBERS + _PEERS + _OBSERVERS + _ABOUT
"""Method, path and `api.method`: what answers."""

_SHORT = {
    "client": ("register", "patch_instance", "deregister", "beat", "get_instance", "list_instances"),
    "peer": (
        *("put_datum", "delete_datum", "get_datum", "get_datums", "put_checksum", "put_digest"),
        *("service_status", "instance_health", "report"),
    ),
    "observer": ("state", "probe", "probes_seen"),
}
SHORT_ROUTES = frozenset(
    (method, path)
    for method, path, name in ROUTES
    for api, _, function in [name.partition(".")]
    if function in _SHORT.get(api, ())
)
"""Short, and never waits for others or raises `MustWait` first: may be answered by the loop itself."""
