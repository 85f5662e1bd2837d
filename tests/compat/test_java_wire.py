"""The original's Java client 1.4.6, by the bytes that it sends and the pushes that it reads (R20, R21)."""

import json
from urllib.parse import quote, quote_plus, urlencode

import pytest

from harness.cluster import Cluster
from tests.compat.conftest import MakeReceiver
from tests.compat.wire import FORM, PUSH_CACHE_MS, PUSH_CONFIG, Answer, request, resent, send
from tests.worlds.registrations import lasting

pytestmark = [
    pytest.mark.requirement("R20", "R21"),
    pytest.mark.cluster(nodes=1, config=PUSH_CONFIG),
]

SERVICE, GROUPED = "orders", "DEFAULT_GROUP@@orders"
HEADERS = {
    "Content-Type": f"{FORM};charset=UTF-8",
    "Accept-Encoding": "gzip,deflate,sdch",
    "User-Agent": "Nacos-Java-Client:v1.4.6",
    "Client-Version": "Nacos-Java-Client:v1.4.6",
    "RequestId": "0f9e2d1c-8c3b-4a52-9d0e-6a1b2c3d4e5f",
    "Request-Module": "Naming",
    "Accept-Charset": "UTF-8",
    "Connection": "Keep-Alive",
    "Host": "127.0.0.1:8848",
}
BEAT = {
    "cluster": "DEFAULT",
    "ip": "10.8.0.1",
    "metadata": {"a": "b,c"},
    "period": 5000,
    "port": 8080,
    "scheduled": False,
    "serviceName": GROUPED,
    "stopped": False,
    "weight": 1.0,
}
ADDRESS = {"ip": "10.8.0.1", "port": "8080"}


class Java:
    """One client of one node: everything in the query, a form type, and no body but a full beat's."""

    def __init__(self, address: str) -> None:
        self._address = address

    def call(self, method: str, path: str, parameters: dict[str, str], body: str | None = None) -> Answer:
        target = f"/nacos/v1/ns{path}?{urlencode(parameters)}"
        return send(self._address, request(method, target, HEADERS, body))

    def register(self, **more: str) -> Answer:
        """A grouped name and a group, `enable`, metadata as JSON; an unset cluster is left out."""
        parameters = {
            "namespaceId": "public",
            "serviceName": GROUPED,
            "groupName": "DEFAULT_GROUP",
            "weight": "1.0",
            "enable": "true",
            "healthy": "true",
            "ephemeral": "true",
            "metadata": '{"a":"b,c"}',
        }
        return self.call("POST", "/instance", parameters | ADDRESS | more)

    def deregister(self) -> Answer:
        """No `groupName`; its body is empty, and its length is not said."""
        parameters = {"namespaceId": "public", "serviceName": GROUPED, "ephemeral": "true"}
        return self.call("DELETE", "/instance", parameters | ADDRESS)

    def list(self, udp_port: int) -> Answer:
        parameters = {
            "namespaceId": "public",
            "serviceName": GROUPED,
            "clusters": "",
            "udpPort": str(udp_port),
            "clientIP": "127.0.0.1",
            "healthyOnly": "false",
        }
        return self.call("GET", "/instance/list", parameters)


def ack(reference: int) -> str:
    """The acknowledgement, with the reference as text and a blank after each colon but one."""
    return f'{{"type": "push-ack", "lastRefTime":"{reference}", "data":""}}'


@pytest.fixture
def java(cluster: Cluster) -> Java:
    (node,) = cluster.nodes
    return Java(node.address)


def test_registers_with_the_grouped_name_and_is_answered_ok(java: Java, cluster: Cluster) -> None:
    """Two bytes, not compressed although it would take gzip; the metadata keeps its comma."""
    answer = java.register()
    assert (answer.status, answer.text) == (200, "ok")
    assert "content-encoding" not in answer.headers
    (instance,) = cluster.nodes[0].api.instances(SERVICE)
    assert (instance.cluster, dict(instance.metadata)) == ("DEFAULT", {"a": "b,c"})


def test_a_light_beat_is_a_put_without_a_length(java: Java) -> None:
    """Known: go on with light beats. Unknown: 20404, and it registers again."""
    light = {"namespaceId": "public", "serviceName": GROUPED, "clusterName": "DEFAULT"}
    unknown = java.call("PUT", "/instance/beat", light | ADDRESS).json()
    assert unknown["code"] == 20404
    java.register()
    known = java.call("PUT", "/instance/beat", light | ADDRESS).json()
    assert (known["code"], known["lightBeatEnabled"]) == (10200, True)
    assert known["clientBeatInterval"] > 0


@pytest.mark.parametrize("end", ["&", ""])
def test_a_full_beat_is_a_form_body_with_a_trailing_ampersand(java: Java, cluster: Cluster, end: str) -> None:
    """It registers what the node does not know."""
    parameters = {"namespaceId": "public", "serviceName": GROUPED, "clusterName": "DEFAULT"}
    body = f"beat={quote_plus(json.dumps(BEAT))}{end}"
    answer = java.call("PUT", "/instance/beat", parameters | ADDRESS, body).json()
    assert (answer["code"], answer["lightBeatEnabled"]) == (10200, True)
    (instance,) = cluster.nodes[0].api.instances(SERVICE)
    assert (instance.ip, instance.port, dict(instance.metadata)) == ("10.8.0.1", 8080, {"a": "b,c"})


def test_updates_by_the_bare_name_with_its_group_and_enabled(java: Java, cluster: Cluster) -> None:
    """Registering says `enable`, updating `enabled`."""
    java.register()
    update = {
        "namespaceId": "public",
        "serviceName": SERVICE,
        "groupName": "DEFAULT_GROUP",
        "clusterName": "DEFAULT",
        "weight": "7.0",
        "enabled": "true",
        "ephemeral": "true",
        "metadata": '{"k":"v"}',
    }
    assert java.call("PUT", "/instance", update | ADDRESS).text == "ok"
    (instance,) = cluster.nodes[0].api.instances(SERVICE)
    assert (instance.weight, dict(instance.metadata)) == (7.0, {"k": "v"})
    assert java.call("PUT", "/instance", update | ADDRESS | {"enabled": "false"}).text == "ok"
    assert cluster.nodes[0].api.instances(SERVICE) == []


def test_services_are_made_asked_for_listed_and_deleted(java: Java) -> None:
    """By bare name and group; its status check reads `/operator/metrics`."""
    name = {"namespaceId": "public", "serviceName": "made", "groupName": "DEFAULT_GROUP"}
    more = {"protectThreshold": "0.5", "metadata": "{}", "selector": '{"type":"none"}'}
    assert java.call("POST", "/service", name | more).text == "ok"
    assert java.call("GET", "/service", name).json()["protectThreshold"] == 0.5
    listing = {"namespaceId": "public", "groupName": "DEFAULT_GROUP", "pageNo": "1", "pageSize": "10"}
    assert java.call("GET", "/service/list", listing).json() == {"doms": ["made"], "count": 1}
    assert java.call("DELETE", "/service", name).text == "ok"
    assert java.call("GET", "/operator/metrics", {}).json()["status"] == "UP"


def test_is_pushed_what_changes_and_acknowledges_it_as_text(
    java: Java, cluster: Cluster, receiver: MakeReceiver
) -> None:
    """Grouped names everywhere; what it acknowledged is not sent again; an empty list is pushed too."""
    port = receiver(ack)
    listed = java.list(port.port).json()
    assert (listed["hosts"], listed["clusters"], listed["cacheMillis"]) == (
        [],
        "",
        PUSH_CACHE_MS * cluster.time_scale,
    )
    java.register()
    pushed = port.receive()
    assert (pushed["name"], pushed["dom"]) == (GROUPED, GROUPED)
    assert [(h["ip"], h["serviceName"], h["instanceId"]) for h in pushed["hosts"]] == [
        ("10.8.0.1", GROUPED, f"10.8.0.1#8080#DEFAULT#{GROUPED}")
    ]
    assert java.deregister().text == "ok"
    pushed = port.receive()
    assert pushed["hosts"] == []
    (node,) = cluster.nodes
    silent = receiver(ack)
    java.list(silent.port)
    for number in range(2, 20):
        node.api.register(SERVICE, lasting(number))
    while len(pushed["hosts"]) < 18:
        pushed = port.receive()
    node.log.wait_for(f"event=push_again to=127.0.0.1:{silent.port} ", within_s=200)
    assert not resent(node.log) & set(port.acknowledged)


def test_a_name_of_other_letters_is_refused_in_words(java: Java) -> None:
    """Percent-encoded in the query; a 400 and a sentence, as the original has it."""
    answer = java.register(serviceName="DEFAULT_GROUP@@注文")
    assert answer.status == 400
    assert "serviceName can only have these characters" in answer.text
    assert quote("注文") not in answer.text
