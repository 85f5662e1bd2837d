"""Datums, instances and members as Nacos 1.4 writes them (reference/nacos-1.4.md, 1.9 and 3.3).

Unknown fields are ignored, absent ones get Nacos' defaults, nulls are never written. `lastBeat` is wall
time in milliseconds at sending and is ignored when read: when an instance last beat is known to its
judge only.
"""

import time
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from nodecore.core.answers import Member, MemberState
from nodecore.core.records import DEFAULT_CLUSTER, Datum, Instance, Instances, Metadata
from nodecore.errors import Malformed
from nodecore.runtime.wire.values import (
    as_flag,
    as_integer,
    as_metadata,
    as_number,
    as_object,
    as_text,
    dump,
    load_entries,
    load_object,
)

PORT_MAX = 65535
_Value = TypeVar("_Value", str, int, Metadata)
"""No float: 0.0 and -0.0 are equal and not the same."""


def wall_ms() -> int:
    """Return the wall clock in milliseconds: for wire formats that ask for it, never for durations."""
    return time.time_ns() // 1_000_000


def encode_datums(data: Iterable[Datum]) -> bytes:
    """Return the map key -> Datum; only instance lists travel over Distro, other records are left out."""
    now_ms = wall_ms()
    entries = [
        b"%b:%b" % (dump(d.key), dump(_datum(d, d.value, now_ms)))
        for d in data
        if isinstance(d.value, Instances)
    ]
    return b"{%b}" % b",".join(entries)


def decode_datums(body: bytes) -> tuple[Datum, ...]:
    """Read a map key -> Datum in key order.

    Raises:
        Malformed: naming the first key and field that is not what it should be.
    """
    shared: dict[Any, Any] = {}
    data = {key: _read_datum(key, entry, shared) for key, entry in load_entries(body, "the map of datums")}
    return tuple(data[key] for key in sorted(data))


def instance_body(instance: Instance, now_ms: int) -> dict[str, object]:
    """Return the JSON of an instance inside a datum."""
    return {
        "instanceId": instance.instance_id,
        "ip": instance.ip,
        "port": instance.port,
        "weight": instance.weight,
        "healthy": instance.healthy,
        "enabled": instance.enabled,
        "ephemeral": instance.ephemeral,
        "clusterName": instance.cluster,
        "serviceName": instance.service,
        "metadata": dict(instance.metadata),
        "lastBeat": now_ms,
        "marked": instance.marked,
        "app": instance.app,
    }


def member_body(member: Member) -> dict[str, object]:
    """Return the JSON of a member."""
    ip, _, port = member.address.rpartition(":")
    return {
        "ip": ip,
        "port": int(port),
        "state": member.state.value,
        "extendInfo": {"lastRefreshTime": wall_ms(), "version": "1.4.2"},
        "address": member.address,
        "failAccessCnt": member.reports_failed,
    }


def decode_member(body: bytes) -> Member:
    """Read a member; its address is `address`, else `ip` and `port`.

    Raises:
        Malformed: when it names no address.
    """
    fields = load_object(body, "the member")
    return Member(
        address=_member_address(fields),
        state=_member_state(fields),
        reports_failed=as_integer(fields.get("failAccessCnt") or 0, "failAccessCnt"),
    )


def _datum(datum: Datum, value: Instances, now_ms: int) -> dict[str, object]:
    instances = [instance_body(instance, now_ms) for instance in value.instances]
    return {"key": datum.key, "value": {"instanceList": instances}, "timestamp": datum.timestamp}


def _read_datum(key: str, entry: object, shared: dict[Any, Any]) -> Datum:
    as_text(key, "a key")
    fields = as_object(entry, f"the datum of {key}")
    value = as_object(fields.get("value"), f"the value of {key}")
    instances = value.get("instanceList")
    if not isinstance(instances, list):
        raise Malformed(f"the value of {key} has no instanceList")
    service = key.partition("##")[2]
    return Datum(
        key=key,
        value=Instances(tuple(_read_instance(item, key, service, shared) for item in instances)),
        timestamp=as_integer(fields.get("timestamp") or 1, f"the timestamp of {key}"),
    )


def _read_instance(item: object, key: str, service: str, shared: dict[Any, Any]) -> Instance:
    """Read an instance; what is the same in many of one message is kept once (`shared`)."""
    what = f"an instance of {key}"
    given = {n: v for n, v in as_object(item, what).items() if v is not None}
    return Instance(
        ip=as_text(given.get("ip"), f"the ip of {what}"),
        port=_once(shared, as_integer(given.get("port"), f"the port of {what}")),
        service=service or as_text(given.get("serviceName"), f"the serviceName of {what}"),
        cluster=_once(
            shared, as_text(given.get("clusterName", DEFAULT_CLUSTER), f"the clusterName of {what}")
        ),
        weight=as_number(given.get("weight", 1.0), f"the weight of {what}"),
        healthy=as_flag(given.get("healthy", True), f"healthy of {what}"),
        enabled=as_flag(given.get("enabled", True), f"enabled of {what}"),
        ephemeral=as_flag(given.get("ephemeral", True), f"ephemeral of {what}"),
        marked=as_flag(given.get("marked", False), f"marked of {what}"),
        metadata=_once(shared, as_metadata(given.get("metadata", {}), f"the metadata of {what}")),
        app=_once(shared, as_text(given.get("app", "DEFAULT"), f"the app of {what}")),
    )


def _once(shared: dict[Any, Any], value: _Value) -> _Value:
    found: _Value = shared.setdefault(value, value)
    return found


def _member_address(fields: Mapping[str, Any]) -> str:
    address = fields.get("address")
    if not address:
        ip = as_text(fields.get("ip"), "the member's ip")
        address = f"{ip}:{as_integer(fields.get('port'), 'the port')}"
    ip, separator, port = as_text(address, "the member's address").rpartition(":")
    if not (ip and separator and port.isascii() and port.isdigit() and len(port) <= 5):
        raise Malformed(f"the member's address must be ip:port, not {address!r}")
    return f"{ip}:{port}"


def _member_state(fields: Mapping[str, Any]) -> MemberState:
    state = fields.get("state") or MemberState.UP.value
    known = {s.value: s for s in MemberState}
    return known.get(as_text(state, "the member's state"), MemberState.DOWN)
