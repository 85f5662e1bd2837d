"""Keys of the store: how they are built and taken apart (reference nacos-1.4.md, 1.2).

Invariant: `namespace_of` and `service_of` undo `ephemeral_key` for every namespace without `##`.
"""

INSTANCES_PREFIX = "com.alibaba.nacos.naming.iplist."
EPHEMERAL_PREFIX = f"{INSTANCES_PREFIX}ephemeral."


def ephemeral_key(namespace: str, service: str) -> str:
    """Return the key of the ephemeral instances of a service, given by its grouped name."""
    return f"{EPHEMERAL_PREFIX}{namespace}##{service}"


def is_ephemeral(key: str) -> bool:
    """Say whether Distro serves this key; an ephemeral key also begins with the persistent prefix."""
    return key.startswith(EPHEMERAL_PREFIX) and "##" in key


def namespace_of(key: str) -> str:
    """Return the namespace in an ephemeral key."""
    return key.removeprefix(EPHEMERAL_PREFIX).partition("##")[0]


def service_of(key: str) -> str:
    """Return the grouped service name in a key: what its owner is computed from (R9)."""
    return key.partition("##")[2]


def bare_name(grouped: str) -> str:
    """Return a service's name without its group."""
    return grouped.partition("@@")[2] or grouped


def group_of(grouped: str) -> str:
    """Return a service's group."""
    return grouped.partition("@@")[0]
