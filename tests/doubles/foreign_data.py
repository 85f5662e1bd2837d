"""What a foreign Nacos 1.4.2 server keeps: hash, checksum, JSON, written from the reference alone."""

import hashlib
import json
from typing import Any

PREFIX = "com.alibaba.nacos.naming.iplist.ephemeral."


def owner_of(service: str, ring: list[str]) -> str:
    """`abs(hashCode % 2147483647) % n` in the string-sorted list (2.1)."""
    code = 0
    for char in service:
        code = (31 * code + ord(char)) % 2**32
    code = code - 2**32 if code >= 2**31 else code
    return sorted(ring)[abs(code) % 2147483647 % len(ring)]


def md5_of(instances: list[dict[str, Any]]) -> str:
    """The checksum of an instance list (1.6)."""

    def text(entry: dict[str, Any]) -> str:
        flags = "_".join(str(entry[name]).lower() for name in ("healthy", "enabled"))
        pairs = "".join(f"{k}:{v}," for k, v in sorted(entry["metadata"].items()))
        return (
            f"{entry['ip']}:{entry['port']}_{float(entry['weight'])}_{flags}_{entry['clusterName']}_{pairs},"
        )

    def place(entry: dict[str, Any]) -> str:
        state = "_".join(str(entry[name]).lower() for name in ("healthy", "marked"))
        cluster = entry["clusterName"]
        address = f"{entry['ip']}:{entry['port']}:unknown:{cluster}"
        return f"{address}_{float(entry['weight'])}_{state}_{cluster}"

    return hashlib.md5("".join(text(entry) for entry in sorted(instances, key=place)).encode()).hexdigest()


def key_of(service: str, namespace: str = "public") -> str:
    return f"{PREFIX}{namespace}##{service}"


def name_of(key: str) -> str:
    return key.partition("##")[2]


def instance_of(service: str, said: dict[str, str]) -> dict[str, Any]:
    """An instance as it travels (nacos-observed.md c), fields that nobody else knows included."""
    cluster = said.get("clusterName", "DEFAULT")
    return {
        "instanceId": f"{said['ip']}#{said['port']}#{cluster}#{service}",
        "ip": said["ip"],
        "port": int(said["port"]),
        "weight": float(said.get("weight", 1)),
        "healthy": True,
        "enabled": True,
        "ephemeral": True,
        "clusterName": cluster,
        "serviceName": service,
        "metadata": json.loads(said.get("metadata", "{}")),
        "lastBeat": 1795360844223,
        "marked": False,
        "app": "DEFAULT",
        "instanceHeartBeatInterval": 5000,
        "instanceIdGenerator": "simple",
        "instanceHeartBeatTimeOut": 15000,
        "ipDeleteTimeout": 30000,
    }
