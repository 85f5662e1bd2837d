"""The harness computes owners by itself, and every node must say the same (R9)."""

import pytest

from harness.cluster import Cluster
from harness.ownership import distro_hash, java_hash_code, owner_of

VECTORS = {
    "DEFAULT_GROUP@@nacos.test.1": -301437168,
    "DEFAULT_GROUP@@service-provider": -258957686,
    "group1@@demo": 418376181,
    "DEFAULT_GROUP@@服务": 1863218037,
    "DEFAULT_GROUP@@ServiceA0": -1392307197,
    "DEFAULT_GROUP@@ServiceB1": -1392307165,
    "DEFAULT_GROUP@@ServiceC5": -1392307130,
    "DEFAULT_GROUP@@orders": -248381274,
    "DEFAULT_GROUP@@payments": 1972125870,
}

RING_A = ["127.0.0.1:8848", "127.0.0.1:8858", "127.0.0.1:8868"]
RING_B = ["127.0.0.1:9988", "127.0.0.1:9998", "127.0.0.1:10008"]


@pytest.mark.requirement("R9")
def test_hash_vectors_of_the_reference() -> None:
    """Java's hashCode, then Nacos' distroHash."""
    assert {name: java_hash_code(name) for name in VECTORS} == VECTORS
    assert [distro_hash(name) for name in VECTORS] == [abs(value) for value in VECTORS.values()]


@pytest.mark.requirement("R9")
@pytest.mark.parametrize(
    ("service", "ring", "owner"),
    [
        ("ServiceA0", RING_A, "127.0.0.1:8848"),
        ("ServiceB1", RING_A, "127.0.0.1:8858"),
        ("ServiceC5", RING_A, "127.0.0.1:8868"),
        ("ServiceA0", RING_B, "127.0.0.1:10008"),
        ("users", RING_B, "127.0.0.1:9988"),
        ("ServiceC5", RING_B, "127.0.0.1:9998"),
        ("ServiceA0", ["127.0.0.1:8848", "127.0.0.1:8868"], "127.0.0.1:8868"),
        ("ServiceC5", ["127.0.0.1:8848", "127.0.0.1:8858"], "127.0.0.1:8848"),
    ],
)
def test_owner_vectors_of_a_real_cluster(service: str, ring: list[str], owner: str) -> None:
    """Asked of a real 1.4.2 cluster (nacos-observed.md e); ports sort as strings, 10008 before 9988."""
    assert owner_of(service, ring) == owner


@pytest.mark.requirement("R9")
def test_an_empty_ring_and_a_stranger_are_errors(cluster: Cluster) -> None:
    """The message says what was wrong and what would be right."""
    with pytest.raises(ValueError, match="an empty ring owns nothing"):
        owner_of("ServiceA0", [])
    s1, s2, s3 = cluster.nodes
    with pytest.raises(ValueError, match=f"{s3.address} is not in the ring"):
        cluster.service_owned_by(s3, alive=[s1, s2])


@pytest.mark.requirement("R9")
def test_every_node_names_the_owner_the_harness_computed(cluster: Cluster) -> None:
    """Forty services, three nodes, one answer."""
    ring = [node.address for node in cluster.nodes]
    services = [f"Asked{number}" for number in range(40)]
    expected = {service: owner_of(service, ring) for service in services}
    for node in cluster.nodes:
        assert {service: node.api.responsible(service) for service in services} == expected
