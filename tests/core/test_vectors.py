"""Hash, ring order, checksum and key format against the vectors of the reference."""

import pytest

from nodecore.core.checksum import checksum, java_double
from nodecore.core.keys import ephemeral_key, is_ephemeral, namespace_of, service_of
from nodecore.core.records import Instance, Instances
from nodecore.core.ring import distro_hash, java_hash, ring_of

HASHES = [
    ("DEFAULT_GROUP@@ServiceA0", -1392307197, 0),
    ("DEFAULT_GROUP@@ServiceB1", -1392307165, 1),
    ("DEFAULT_GROUP@@ServiceC5", -1392307130, 2),
    ("DEFAULT_GROUP@@ServiceA1", -1392307196, 2),
    ("DEFAULT_GROUP@@ServiceA2", -1392307195, 1),
    ("DEFAULT_GROUP@@ServiceB0", -1392307166, 2),
    ("DEFAULT_GROUP@@ServiceB2", -1392307164, 0),
    ("DEFAULT_GROUP@@ServiceC0", -1392307135, 1),
    ("DEFAULT_GROUP@@ServiceC1", -1392307134, 0),
    ("DEFAULT_GROUP@@orders", -248381274, 0),
    ("DEFAULT_GROUP@@payments", 1972125870, 0),
    ("DEFAULT_GROUP@@users", -140987353, 1),
    ("DEFAULT_GROUP@@inventory", -927721477, 1),
    ("DEFAULT_GROUP@@nacos.test.1", -301437168, 0),
    ("DEFAULT_GROUP@@nacos.test.2", -301437167, 2),
    ("DEFAULT_GROUP@@a", -1325396480, 2),
    ("DEFAULT_GROUP@@service-provider", -258957686, 2),
    ("group1@@demo", 418376181, 0),
    ("DEFAULT_GROUP@@服务", 1863218037, 0),
]
RING_A = ("127.0.0.1:8848", "127.0.0.1:8858", "127.0.0.1:8868")
RING_B = ("127.0.0.1:10008", "127.0.0.1:9988", "127.0.0.1:9998")


@pytest.mark.requirement("R9")
@pytest.mark.parametrize(("service", "java", "index"), HASHES)
def test_owner_is_the_one_a_real_nacos_named(service: str, java: int, index: int) -> None:
    """Asked of three real servers, with ports that sort differently as numbers and as strings."""
    assert java_hash(service) == java
    assert distro_hash(service) == abs(java)
    assert ring_of(RING_A).owner(service) == RING_A[index]
    assert ring_of(reversed(RING_B)).owner(service) == RING_B[index]


@pytest.mark.requirement("R9")
@pytest.mark.parametrize(
    ("members", "service", "owner"),
    [
        (("127.0.0.1:8848", "127.0.0.1:8868"), "ServiceA0", "127.0.0.1:8868"),
        (("127.0.0.1:8848", "127.0.0.1:8868"), "ServiceB1", "127.0.0.1:8868"),
        (("127.0.0.1:8848", "127.0.0.1:8868"), "ServiceC5", "127.0.0.1:8848"),
        (("127.0.0.1:8848", "127.0.0.1:8858"), "ServiceA0", "127.0.0.1:8858"),
        (("127.0.0.1:8848", "127.0.0.1:8858"), "ServiceC5", "127.0.0.1:8848"),
    ],
)
def test_owner_in_a_ring_of_two(members: tuple[str, ...], service: str, owner: str) -> None:
    """What is left of a ring owns everything."""
    assert ring_of(members).owner(f"DEFAULT_GROUP@@{service}") == owner


@pytest.mark.requirement("R9")
def test_the_ring_is_sorted_as_strings() -> None:
    """`0` sorts before `:`, so host 10 comes before host 1; an empty ring owns nothing."""
    assert ring_of(["10.0.0.2:8848", "10.0.0.1:8848", "10.0.0.10:8848"]).addresses == (
        "10.0.0.10:8848",
        "10.0.0.1:8848",
        "10.0.0.2:8848",
    )
    assert ring_of([]).owner("DEFAULT_GROUP@@a") is None


def _entry(ip: str, port: int, **fields: object) -> Instance:
    return Instance(ip=ip, port=port, service="DEFAULT_GROUP@@a", **fields)  # type: ignore[arg-type]


CHECKSUMS = [
    ((), "d41d8cd98f00b204e9800998ecf8427e"),
    ((_entry("10.0.0.1", 8080),), "a8bd8a5b886bc4841c963bb91c13915e"),
    (
        (
            _entry("10.0.0.2", 8080, weight=2.5, healthy=False, cluster="c1"),
            _entry("10.0.0.1", 8080, metadata=(("b", "2"), ("a", "1"))),
        ),
        "91e75b33311d61fe1a03d9ce7041bd26",
    ),
    ((_entry("10.0.0.1", 80),), "029d5e8032f5253195569b221bd0ebdc"),
    (
        (
            _entry("not-an-ip", 80),
            _entry("10.0.0.1", -1),
            _entry("10.0.0.78", 8080),
            _entry("10.0.0.3", 9090, enabled=False, metadata=(("x", "y"), ("k", "v"))),
            _entry("10.0.0.55", 8080),
            _entry("10.0.0.1", 70000),
        ),
        "bb980b13cca6117fe3ac24ae85f69dae",
    ),
]


@pytest.mark.requirement("R13")
@pytest.mark.parametrize(("entries", "expected"), CHECKSUMS)
def test_checksum_is_the_one_seen_on_the_wire(entries: tuple[Instance, ...], expected: str) -> None:
    """Order does not matter, and a port of 0 or less is left out of the sort key only."""
    assert checksum(Instances(entries)) == expected
    assert checksum(Instances(entries[::-1])) == expected


@pytest.mark.requirement("R13")
def test_checksum_leaves_out_what_only_one_node_knows() -> None:
    """App, marked and ephemeral are no part of it; health is."""
    plain = checksum(Instances((_entry("10.0.0.1", 80),)))
    assert checksum(Instances((_entry("10.0.0.1", 80, app="other", marked=True),))) == plain
    assert checksum(Instances((_entry("10.0.0.1", 80, healthy=False),))) != plain


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (1.0, "1.0"),
        (2.5, "2.5"),
        (0.0, "0.0"),
        (100.0, "100.0"),
        (0.001, "0.001"),
        (0.0001, "1.0E-4"),
        (0.00015, "1.5E-4"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (12345678.9, "1.23456789E7"),
        (-2e10, "-2.0E10"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        (float("nan"), "NaN"),
    ],
)
def test_weights_print_as_java_prints_doubles(value: float, printed: str) -> None:
    """Java turns to scientific notation below 1e-3 and from 1e7 on."""
    assert java_double(value) == printed


def test_keys_come_apart_as_they_were_built() -> None:
    """An ephemeral key also begins with the persistent prefix: only the full prefix tells."""
    key = ephemeral_key("public", "DEFAULT_GROUP@@a")
    assert key == "com.alibaba.nacos.naming.iplist.ephemeral.public##DEFAULT_GROUP@@a"
    assert (namespace_of(key), service_of(key)) == ("public", "DEFAULT_GROUP@@a")
    assert is_ephemeral(key)
    assert not is_ephemeral("com.alibaba.nacos.naming.iplist.public##DEFAULT_GROUP@@a")
    assert not is_ephemeral("com.alibaba.nacos.naming.domains.meta.public##DEFAULT_GROUP@@a")
