"""Requests as the original's four clients write them (reference/nacos-clients.md), byte for byte.

Each test is one habit of one client; all of them must be understood by a server that is to replace theirs.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.runtime.application import WsgiClient, wsgi_client

INSTANCE = "/nacos/v1/ns/instance"
LIST = f"{INSTANCE}/list"
BEAT = f"{INSTANCE}/beat"
SERVICE = "/nacos/v1/ns/service"
JAVA = {
    "User-Agent": "Nacos-Java-Client:v1.4.6",
    "Client-Version": "Nacos-Java-Client:v1.4.6",
    "Accept-Encoding": "gzip,deflate,sdch",
    "Content-Type": "application/x-www-form-urlencoded;charset=UTF-8",
}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
GO = FORM | {"User-Agent": "Nacos-Go-Client:v1.1.5"}


@pytest.fixture
def ask() -> Iterator[WsgiClient]:
    """A loaded lone node."""
    with wsgi_client() as client:
        yield client


def hosts(ask: WsgiClient, service: str = "a", **said: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask("GET", LIST, {"serviceName": service, **said}).json()["hosts"]
    return found


# ---- Java -----------------------------------------------------------------------------------------


def test_java_registers_in_the_query_with_a_form_type_and_no_body(ask: WsgiClient) -> None:
    """The grouped name and groupName, `enable`, an `app`, JSON metadata."""
    query = (
        "app=shop&metadata=%7B%22v%22%3A%221%22%7D&ip=10.0.0.1&weight=1.0&ephemeral=true&enable=true&"
        "serviceName=g1%40%40a&encoding=UTF-8&namespaceId=public&port=80&healthy=true&groupName=g1"
    )
    assert ask("POST", INSTANCE, query, headers=JAVA).body == b"ok"
    (host,) = hosts(ask, "g1@@a")
    assert (host["metadata"], host["clusterName"], host["enabled"]) == ({"v": "1"}, "DEFAULT", True)


def test_java_updates_with_the_bare_name_and_its_group(ask: WsgiClient) -> None:
    """And `enabled` where registering says `enable`."""
    ask("POST", INSTANCE, {"serviceName": "g1@@a", "ip": "10.0.0.1", "port": 80}, headers=JAVA)
    said: dict[str, object] = {"serviceName": "a", "groupName": "g1", "ip": "10.0.0.1", "port": 80}
    changed = said | {"enabled": "true", "weight": "2.0", "ephemeral": "true", "metadata": "{}"}
    assert ask("PUT", INSTANCE, changed, headers=JAVA).body == b"ok"
    assert [host["weight"] for host in hosts(ask, "g1@@a")] == [2.0]


def test_java_deregisters_by_the_grouped_name_alone(ask: WsgiClient) -> None:
    """No groupName on DELETE."""
    ask("POST", INSTANCE, {"serviceName": "g1@@a", "ip": "10.0.0.1", "port": 80}, headers=JAVA)
    query = "namespaceId=public&serviceName=g1%40%40a&ip=10.0.0.1&port=80&ephemeral=true&encoding=UTF-8"
    assert ask("DELETE", INSTANCE, query, headers=JAVA).body == b"ok"
    assert hosts(ask, "g1@@a") == []


def test_javas_full_beat_ends_with_an_ampersand_and_its_light_beat_has_no_length(ask: WsgiClient) -> None:
    """The light one is a PUT without body and without Content-Length."""
    query = "serviceName=DEFAULT_GROUP%40%40a&namespaceId=public&port=80&clusterName=DEFAULT&ip=10.0.0.1"
    assert ask("PUT", BEAT, query, headers=JAVA).json()["code"] == 20404
    beat = {"cluster": "DEFAULT", "ip": "10.0.0.1", "metadata": {}, "period": 5000, "port": 80}
    beat |= {"scheduled": False, "serviceName": "DEFAULT_GROUP@@a", "stopped": False, "weight": 1.0}
    said = b"beat=" + json.dumps(beat).replace('"', "%22").encode() + b"&"
    full = ask("PUT", BEAT, query, body=said, headers=JAVA)
    assert full.json() == {"clientBeatInterval": 5000, "code": 10200, "lightBeatEnabled": True}
    assert ask("PUT", BEAT, query, headers=JAVA).json()["code"] == 10200


def test_java_asks_for_services_by_the_bare_name(ask: WsgiClient) -> None:
    """Create, list, delete; nothing is compressed, whatever it accepts."""
    said: dict[str, object] = {"serviceName": "a", "groupName": "g1", "namespaceId": "public"}
    made = said | {"protectThreshold": "0.0", "metadata": "{}", "selector": '{"type":"none"}'}
    assert ask("POST", SERVICE, made, headers=JAVA).body == b"ok"
    paged: dict[str, object] = {"pageNo": 1, "pageSize": 10, "groupName": "g1", "namespaceId": "public"}
    listed = ask("GET", f"{SERVICE}/list", paged, headers=JAVA)
    assert listed.json() == {"doms": ["a"], "count": 1}
    assert "Content-Encoding" not in listed.headers
    assert ask("DELETE", SERVICE, said, headers=JAVA).body == b"ok"


def test_a_long_list_is_not_compressed_either(ask: WsgiClient) -> None:
    """Over HTTP no client got gzip; only a long push is."""
    ask("POST", INSTANCE, {"serviceName": "a", "ip": "10.0.0.1", "port": 80, "metadata": f"k={'v' * 5000}"})
    listed = ask("GET", LIST, {"serviceName": "a"}, headers=JAVA)
    assert "Content-Encoding" not in listed.headers
    assert listed.json()["hosts"][0]["metadata"]["k"] == "v" * 5000


# ---- Python ---------------------------------------------------------------------------------------


def test_python_says_none_and_true(ask: WsgiClient) -> None:
    """`clusterName=None` is a cluster called None; booleans are capitalised, `healthyOnly` too."""
    said: dict[str, object] = {"serviceName": "a", "ip": "10.0.0.1", "port": 80, "clusterName": "None"}
    flags = {"enable": True, "healthy": True, "ephemeral": True, "weight": 1.0, "metadata": None}
    assert ask("POST", INSTANCE, said | {k: v for k, v in flags.items() if v is not None}).body == b"ok"
    assert [host["clusterName"] for host in hosts(ask, healthyOnly=True)] == ["None"]
    sick = said | {"ip": "10.0.0.2", "healthy": False}
    assert ask("PUT", INSTANCE, sick).body == b"ok"
    assert [host["ip"] for host in hosts(ask, healthyOnly=True)] == ["10.0.0.1"]
    assert len(hosts(ask, healthyOnly=False)) == 2


def test_python_names_the_cluster_twice_when_it_reads_an_instance(ask: WsgiClient) -> None:
    """`cluster` and `clusterName`."""
    said: dict[str, object] = {"serviceName": "a", "ip": "10.0.0.1", "port": 80, "clusterName": "c1"}
    ask("POST", INSTANCE, said)
    assert ask("GET", INSTANCE, said | {"cluster": "c1"}).json()["clusterName"] == "c1"


# ---- Go -------------------------------------------------------------------------------------------


def test_go_escapes_its_post_and_nothing_else(ask: WsgiClient) -> None:
    """PUT is a raw form body with JSON, @@ and quotes; GET and DELETE have a raw @@ in the query."""
    said: dict[str, object] = {"serviceName": "g1@@a", "groupName": "g1", "ip": "10.0.0.1", "port": 80}
    assert (
        ask("POST", INSTANCE, form=said | {"metadata": '{"k":"v"}', "enable": "true"}, headers=GO).body
        == b"ok"
    )
    update = b'serviceName=g1@@a&ip=10.0.0.1&port=80&weight=3&metadata={"k":"w","q":"a b"}&enabled=true'
    assert ask("PUT", INSTANCE, body=update, headers=GO).body == b"ok"
    listed = ask("GET", LIST, "serviceName=g1@@a&clusters=&namespaceId=public&healthyOnly=false", headers=GO)
    (host,) = listed.json()["hosts"]
    assert (host["weight"], host["metadata"]) == (3.0, {"k": "w", "q": "a b"})
    beat = b'serviceName=g1@@a&beat={"port":80,"ip":"10.0.0.1","serviceName":"g1@@a","cluster":"DEFAULT"}'
    assert ask("PUT", BEAT, body=beat, headers=GO).json()["clientBeatInterval"] == 5000
    gone = ask("DELETE", INSTANCE, "serviceName=g1@@a&ip=10.0.0.1&port=80&ephemeral=true", headers=GO)
    assert gone.body == b"ok"
    assert hosts(ask, "g1@@a") == []


# ---- names, groups, namespaces, clusters ----------------------------------------------------------


def test_namespaces_and_groups_do_not_see_each_other(ask: WsgiClient) -> None:
    """The same bare name four times; a name that has its group wins over groupName."""
    places = [{}, {"groupName": "g1"}, {"namespaceId": "n1"}, {"groupName": "g1", "namespaceId": "n1"}]
    for number, place in enumerate(places, start=1):
        ask("POST", INSTANCE, {"serviceName": "a", "ip": f"10.0.0.{number}", "port": 80, **place})
    found = [[host["ip"] for host in hosts(ask, **place)] for place in places]
    assert found == [["10.0.0.1"], ["10.0.0.2"], ["10.0.0.3"], ["10.0.0.4"]]
    assert [host["ip"] for host in hosts(ask, "g1@@a", groupName="g2")] == ["10.0.0.2"]
    ask("DELETE", INSTANCE, {"serviceName": "a", "ip": "10.0.0.1", "port": 80, "namespaceId": "n1"})
    assert len(hosts(ask)) == 1


def test_clusters_filter_and_are_echoed(ask: WsgiClient) -> None:
    """One, several, none that exists; the echo is exactly what was asked, npm keys its cache by it."""
    for number, cluster in enumerate(["DEFAULT", "c1", "c2"], start=1):
        said = {"serviceName": "a", "ip": f"10.0.0.{number}", "port": 80, "clusterName": cluster}
        ask("POST", INSTANCE, dict(said))
    for asked, found in [("", 3), ("DEFAULT", 1), ("c1,c2", 2), (" c1 , ", 1), ("nobody", 0)]:
        body = ask("GET", LIST, {"serviceName": "a", "clusters": asked}).json()
        assert (body["clusters"], len(body["hosts"])) == (asked, found)


@pytest.mark.endpoint("GET /nacos/v1/ns/service/subscribers")
def test_subscribers_are_named(ask: WsgiClient) -> None:
    """Who gave a UDP port, as operators see them."""
    asked = {"serviceName": "a", "udpPort": 54321, "clientIP": "127.0.0.1", "app": "shop"}
    ask("GET", LIST, dict(asked), headers=JAVA)
    found = ask("GET", f"{SERVICE}/subscribers", {"serviceName": "a", "pageNo": 1, "pageSize": 10}).json()
    assert found["count"] == 1
    assert found["subscribers"][0]["addrStr"] == "127.0.0.1:54321"
