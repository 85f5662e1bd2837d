"""Services as operators and the console read them: lists, names, catalogue, statuses."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.doubles.peer import peer, read_request
from tests.runtime.application import WsgiClient, wsgi_client
from tests.runtime.scripted import config

NS = "/nacos/v1/ns"


@pytest.fixture
def ask() -> Iterator[WsgiClient]:
    """A lone node with three services in two groups, and one in a namespace of its own."""
    with wsgi_client() as client:
        register(client, "a", ip="10.0.0.1")
        register(client, "a", ip="10.0.0.2", healthy="false", clusterName="c1")
        register(client, "b", ip="10.0.0.3", enabled="false")
        register(client, "c", ip="10.0.0.4", groupName="g1")
        register(client, "a", ip="10.9.9.9", namespaceId="other")
        yield client


def register(ask: WsgiClient, service: str, **said: object) -> None:
    assert ask("POST", f"{NS}/instance", {"serviceName": service, "port": 80, **said}).text == "ok"


def listed(ask: WsgiClient, **said: object) -> dict[str, Any]:
    query = {"pageNo": 1, "pageSize": 10, **said}
    found: dict[str, Any] = ask("GET", f"{NS}/service/list", query).json()
    return found


@pytest.mark.endpoint("GET /nacos/v1/ns/service/list")
def test_a_list_of_services_is_of_one_namespace_and_group(ask: WsgiClient) -> None:
    """Bare names, sorted; groupName=* is all groups; created without instances counts too."""
    assert listed(ask) == {"doms": ["a", "b"], "count": 2}
    assert listed(ask, groupName="g1") == {"doms": ["c"], "count": 1}
    assert listed(ask, groupName="*") == {"doms": ["a", "b", "c"], "count": 3}
    assert listed(ask, namespaceId="other") == {"doms": ["a"], "count": 1}
    assert listed(ask, namespaceId="nobodys") == {"doms": [], "count": 0}
    ask("POST", f"{NS}/service", {"serviceName": "empty"})
    assert listed(ask) == {"doms": ["a", "b", "empty"], "count": 3}


@pytest.mark.endpoint("GET /nacos/v1/ns/service/list")
def test_pages_show_every_service_once_and_end_empty(ask: WsgiClient) -> None:
    """Past the end there is nothing, with the full count, as the original has it."""
    pages = [listed(ask, groupName="*", pageNo=number, pageSize=2)["doms"] for number in (1, 2, 3)]
    assert pages == [["a", "b"], ["c"], []]
    assert listed(ask, groupName="*", pageNo=9, pageSize=2)["count"] == 3


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"pageSize": 1}, "Param 'pageNo' is required."),
        ({"pageNo": 1}, "Param 'pageSize' is required."),
        ({"pageNo": 0, "pageSize": 1}, "pageNo '0' is not a whole number from 1 on"),
        ({"pageNo": "x", "pageSize": 1}, "pageNo 'x' is not a whole number"),
        ({"pageNo": 1, "pageSize": "-3"}, "pageSize '-3' is not a whole number"),
        ({"pageNo": 1, "pageSize": "9" * 30}, "is not a whole number"),
    ],
)
@pytest.mark.parametrize("path", ["service/list", "catalog/services", "catalog/instances"])
def test_a_page_that_is_none_is_a_400(
    ask: WsgiClient, path: str, query: dict[str, object], sentence: str
) -> None:
    """What is missing, or what would be right."""
    answer = ask("GET", f"{NS}/{path}", query | {"serviceName": "a"})
    assert (answer.status, sentence in answer.text) == (400, True)


@pytest.mark.endpoint("GET /nacos/v1/ns/service/names")
def test_names_come_by_namespace(ask: WsgiClient) -> None:
    """All of them, those of one namespace, those that hold a part, those this node owns."""
    path = f"{NS}/service/names"
    everything = ask("GET", path).json()
    assert everything == {"services": {"other": ["a"], "public": ["a", "b", "c"]}, "count": 4}
    assert ask("GET", path, {"namespaceId": "public", "expr": "g1@@"}).json() == {
        "services": {"public": ["c"]},
        "count": 1,
    }
    assert ask("GET", path, {"responsibleOnly": "true"}).json() == everything
    assert ask("GET", path, {"namespaceId": "x"}).json() == {"services": {"x": []}, "count": 0}


@pytest.mark.endpoint("GET /nacos/v1/ns/instance/statuses")
def test_statuses_are_the_health_of_each_instance(ask: WsgiClient) -> None:
    """What a foreign member asks after it was told of a differing status."""
    path = f"{NS}/instance/statuses"
    assert ask("GET", path, "key=public%23%23DEFAULT_GROUP@@a&encoding=UTF-8&nofix=1").json() == {
        "ips": ["10.0.0.1:80_true", "10.0.0.2:80_false"]
    }
    assert ask("GET", path, {"key": "public##DEFAULT_GROUP@@x"}).status == 404
    for wrong, sentence in [
        ("nonsense", "is not namespace##group@@service"),
        ("p##x", "'groupName@@service"),
    ]:
        answer = ask("GET", path, {"key": wrong})
        assert (answer.status, sentence in answer.text) == (400, True)


@pytest.mark.endpoint("PUT /nacos/v1/ns/service/checksum")
def test_a_services_checksum_is_that_of_its_list(ask: WsgiClient) -> None:
    """The same that a list carries and that verify compares."""
    checksum = ask("PUT", f"{NS}/service/checksum", {"serviceName": "a"}).json()["checksum"]
    assert checksum == ask("GET", f"{NS}/instance/list", {"serviceName": "a"}).json()["checksum"]
    assert ask("PUT", f"{NS}/service/checksum", {"serviceName": "x"}).status == 404


@pytest.mark.endpoint("GET /nacos/v1/ns/catalog/service")
def test_the_catalogue_shows_a_service_and_its_clusters(ask: WsgiClient) -> None:
    """Clusters are those that instances are in."""
    shown = ask("GET", f"{NS}/catalog/service", {"serviceName": "a"}).json()
    assert shown["service"] == {
        "name": "a",
        "groupName": "DEFAULT_GROUP",
        "protectThreshold": 0.0,
        "selector": {"type": "none"},
        "metadata": {},
    }
    assert [cluster["name"] for cluster in shown["clusters"]] == ["DEFAULT", "c1"]
    assert ask("GET", f"{NS}/catalog/service", {"serviceName": "x"}).status == 404


@pytest.mark.endpoint("GET /nacos/v1/ns/catalog/instances")
def test_the_catalogue_shows_the_instances_of_a_cluster(ask: WsgiClient) -> None:
    """Disabled and unhealthy ones too, page by page."""
    path = f"{NS}/catalog/instances"
    page = {"pageNo": 1, "pageSize": 10}
    disabled = ask("GET", path, page | {"serviceName": "b", "clusterName": "DEFAULT"}).json()
    assert (disabled["count"], disabled["list"][0]["enabled"]) == (1, False)
    sick = ask("GET", path, page | {"serviceName": "a", "clusterName": "c1"}).json()
    assert [(entry["ip"], entry["healthy"]) for entry in sick["list"]] == [("10.0.0.2", False)]
    second = ask("GET", path, {"pageNo": 2, "pageSize": 1, "serviceName": "a"}).json()
    assert (second["list"], second["count"]) == ([], 1)


@pytest.mark.endpoint("GET /nacos/v1/ns/catalog/services")
def test_the_catalogue_lists_services_in_lines_or_whole(ask: WsgiClient) -> None:
    """`withInstances=false` is what the console's table shows."""
    path = f"{NS}/catalog/services"
    query: dict[str, object] = {"pageNo": 1, "pageSize": 10, "withInstances": "false"}
    lines = ask("GET", path, query).json()
    assert lines["count"] == 3
    assert lines["serviceList"][0] == {
        "name": "a",
        "groupName": "DEFAULT_GROUP",
        "clusterCount": 2,
        "ipCount": 2,
        "healthyInstanceCount": 1,
        "triggerFlag": "false",
    }
    whole = ask("GET", path, query | {"withInstances": "true", "serviceNameParam": "a"}).json()
    assert [detail["serviceName"] for detail in whole] == ["a"]
    assert [host["ip"] for host in whole[0]["clusterMap"]["c1"]["hosts"]] == ["10.0.0.2"]


@pytest.mark.endpoint("GET /nacos/v1/ns/catalog/services")
def test_the_catalogue_can_be_searched(ask: WsgiClient) -> None:
    """By parts of names, by an instance's address, and for services that have instances."""
    ask("POST", f"{NS}/service", {"serviceName": "empty", "protectThreshold": "0.5"})

    def names(**said: object) -> list[str]:
        query: dict[str, object] = {"pageNo": 1, "pageSize": 10, "withInstances": "false", **said}
        body = ask("GET", f"{NS}/catalog/services", query).json()
        return [line["name"] for line in body["serviceList"]]

    assert names(serviceNameParam="mpt") == ["empty"]
    assert names(groupNameParam="g1") == ["c"]
    assert names(instance="10.0.0.3") == ["b"]
    assert names(instance="10.0.0.3:80") == ["b"]
    assert names(instance="10.0.0.3:81") == []
    assert names(hasIpCount="true") == ["a", "b", "c"]


@pytest.mark.endpoint("PUT /nacos/v1/ns/health", "PUT /nacos/v1/ns/health/instance")
@pytest.mark.parametrize("path", ["health", "health/instance"])
def test_health_cannot_be_set_by_hand_while_beats_decide(ask: WsgiClient, path: str) -> None:
    """The original refuses too, but for the checker NONE."""
    said: dict[str, object] = {"serviceName": "a", "ip": "10.0.0.1", "port": 80, "healthy": "false"}
    refused = ask("PUT", f"{NS}/{path}", said)
    assert (refused.status, refused.text) == (
        400,
        "health check is still working, service: DEFAULT_GROUP@@a",
    )
    assert ask("PUT", f"{NS}/{path}", said | {"serviceName": "x"}).status == 404
    assert ask("PUT", f"{NS}/{path}", {"serviceName": "a", "ip": "10.0.0.1", "port": 80}).status == 400


@pytest.mark.requirement("R14")
def test_before_loading_the_catalogue_is_503() -> None:
    """It would show too little."""
    with peer(read_request) as silent:
        settings = config(members=("127.0.0.1:8848", silent))
        with wsgi_client(node_config=settings) as ask:
            answer = ask("GET", f"{NS}/service/list", {"pageNo": 1, "pageSize": 1})
    assert (answer.status, "has not loaded" in answer.text) == (503, True)
