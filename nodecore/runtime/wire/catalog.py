"""Services in lists and catalogues, as operators and the console read them (reference/nacos-1.4.md 9.2).

Invariant: pages are cut out of what was sorted by name, so that turning them shows every service once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from nodecore.core.enquiries import ServiceView
from nodecore.core.keys import bare_name, group_of
from nodecore.core.records import Instance
from nodecore.runtime.wire.checks import cluster_body
from nodecore.runtime.wire.records import instance_body, wall_ms

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list: pages are counted from 1."""

    number: int
    size: int

    def of(self, items: Sequence[_Item]) -> Sequence[_Item]:
        """Return this page; past the end it is empty."""
        start = (self.number - 1) * self.size
        return items[start : start + self.size]


def service_list_body(views: Sequence[ServiceView], page: Page) -> dict[str, object]:
    """Return GET /service/list: bare names of one page, and how many there are."""
    names = [bare_name(view.service.name) for view in views]
    return {"doms": list(page.of(names)), "count": len(names)}


def names_body(views: Sequence[ServiceView], namespace: str | None) -> dict[str, object]:
    """Return /service/names: bare names by namespace; a namespace that was asked for is always there."""
    found: dict[str, list[str]] = {} if namespace is None else {namespace: []}
    for view in views:
        names = found.setdefault(view.service.namespace, [])
        if bare_name(view.service.name) not in names:
            names.append(bare_name(view.service.name))
    return {"services": found, "count": sum(len(names) for names in found.values())}


def statuses_body(view: ServiceView) -> dict[str, object]:
    """Return /instance/statuses: what a member asks after a differing service status."""
    return {"ips": [f"{i.ip}:{i.port}_{'true' if i.healthy else 'false'}" for i in view.instances]}


def updated_body(instances: Sequence[Instance]) -> dict[str, object]:
    """Return what a batch of metadata changed."""
    return {"updated": [_updated(instance) for instance in instances]}


def catalog_service_body(view: ServiceView) -> dict[str, object]:
    """Return GET /catalog/service: a service and its clusters."""
    service = view.service
    return {
        "service": {
            "name": bare_name(service.name),
            "groupName": group_of(service.name),
            "protectThreshold": service.protect_threshold,
            "selector": {"type": "none"},
            "metadata": dict(service.metadata),
        },
        "clusters": [_cluster(view, name) for name in service.clusters],
    }


def catalog_instances_body(view: ServiceView, cluster: str, page: Page) -> dict[str, object]:
    """Return GET /catalog/instances: the instances of one cluster, disabled and unhealthy ones too."""
    found = [entry for entry in view.instances if entry.cluster == cluster]
    now_ms = wall_ms()
    return {"list": [instance_body(i, now_ms) for i in page.of(found)], "count": len(found)}


def catalog_services_body(views: Sequence[ServiceView], page: Page) -> dict[str, object]:
    """Return GET /catalog/services without instances: one line a service."""
    return {"serviceList": [_line(view) for view in page.of(views)], "count": len(views)}


def catalog_details_body(views: Sequence[ServiceView], page: Page) -> list[dict[str, object]]:
    """Return GET /catalog/services with instances: one page of services, each with its clusters."""
    return [_detail(view) for view in page.of(views)]


def _line(view: ServiceView) -> dict[str, object]:
    healthy = sum(entry.healthy for entry in view.instances)
    protects = bool(view.instances) and healthy / len(view.instances) <= view.service.protect_threshold
    return {
        "name": bare_name(view.service.name),
        "groupName": group_of(view.service.name),
        "clusterCount": len(view.service.clusters),
        "ipCount": len(view.instances),
        "healthyInstanceCount": healthy,
        "triggerFlag": "true" if protects and view.service.protect_threshold > 0 else "false",
    }


def _detail(view: ServiceView) -> dict[str, object]:
    return {
        "serviceName": bare_name(view.service.name),
        "groupName": group_of(view.service.name),
        "clusterMap": {name: {"hosts": _hosts(view, name)} for name in view.service.clusters},
        "metadata": dict(view.service.metadata),
    }


def _hosts(view: ServiceView, cluster: str) -> list[dict[str, object]]:
    return [
        {
            "ip": entry.ip,
            "port": entry.port,
            "weight": entry.weight,
            "valid": entry.healthy,
            "enabled": entry.enabled,
            "metadata": dict(entry.metadata),
        }
        for entry in view.instances
        if entry.cluster == cluster
    ]


def _cluster(view: ServiceView, name: str) -> dict[str, object]:
    checks = view.service.checks_of(name)
    return {
        **cluster_body(checks),
        "serviceName": view.service.name,
        "defaultPort": 80,
        "defaultCheckPort": checks.check_port,
        "useIPPort4Check": checks.use_instance_port,
    }


def _updated(instance: Instance) -> str:
    kind = "ephemeral" if instance.ephemeral else "persist"
    return f"{instance.ip}:{instance.port}:unknown:{instance.cluster}:{kind}"
