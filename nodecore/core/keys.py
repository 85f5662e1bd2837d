"""Keys of the store: how they are built and taken apart (reference nacos-1.4.md, 1.2).

Invariant: `namespace_of` and `service_of` undo `ephemeral_key` and `metadata_key` for every namespace without
`##`, and `persistent_key` for every one that does not begin with `ephemeral.`, which is refused.
"""

INSTANCES_PREFIX = "com.alibaba.nacos.naming.iplist."
EPHEMERAL_PREFIX = f"{INSTANCES_PREFIX}ephemeral."
METADATA_PREFIX = "com.alibaba.nacos.naming.domains.meta."
SWITCH_KEY = f"{METADATA_PREFIX}00-00---000-NACOS_SWITCH_DOMAIN-000---00-00"


def ephemeral_key(namespace: str, service: str) -> str:
    """Return the key of the ephemeral instances of a service, given by its grouped name."""
    return f"{EPHEMERAL_PREFIX}{namespace}##{service}"


def is_ephemeral(key: str) -> bool:
    """Say whether Distro serves this key; an ephemeral key also begins with the persistent prefix."""
    return key.startswith(EPHEMERAL_PREFIX) and "##" in key


def persistent_key(namespace: str, service: str) -> str:
    """Return the key of the persistent instances of a service, given by its grouped name."""
    return f"{INSTANCES_PREFIX}{namespace}##{service}"


def is_persistent(key: str) -> bool:
    """Say whether this is the key of persistent instances: a namespace called `ephemeral.` has none."""
    return key.startswith(INSTANCES_PREFIX) and not key.startswith(EPHEMERAL_PREFIX) and "##" in key


def metadata_key(namespace: str, service: str) -> str:
    """Return the key of a service's metadata."""
    return f"{METADATA_PREFIX}{namespace}##{service}"


def is_metadata(key: str) -> bool:
    """Say whether this is the key of a service's metadata."""
    return key.startswith(METADATA_PREFIX) and "##" in key


def namespace_of(key: str) -> str:
    """Return the namespace in a key of instances or metadata."""
    prefixes = (EPHEMERAL_PREFIX, INSTANCES_PREFIX, METADATA_PREFIX)
    prefix = next((known for known in prefixes if key.startswith(known)), "")
    return key.removeprefix(prefix).partition("##")[0]


def service_of(key: str) -> str:
    """Return the grouped service name in a key: what its owner is computed from (R9)."""
    return key.partition("##")[2]


def bare_name(grouped: str) -> str:
    """Return a service's name without its group."""
    return grouped.partition("@@")[2] or grouped


def group_of(grouped: str) -> str:
    """Return a service's group."""
    return grouped.partition("@@")[0]
