"""The original's Go client, nacos-sdk-go 1.1.5, by the bytes that it sends and reads (R20, R21)."""

import json
from urllib.parse import urlencode

import pytest

from harness.cluster import Cluster
from tests.compat.conftest import MakeReceiver
from tests.compat.wire import FORM, PUSH_CACHE_MS, PUSH_CONFIG, START, Answer, request, send
from tests.worlds.registrations import lasting

pytestmark = [pytest.mark.requirement("R20", "R21"), pytest.mark.cluster(nodes=1, config=PUSH_CONFIG)]

SERVICE, GROUPED = "bills", "DEFAULT_GROUP@@bills"
READ_MAX_BYTES = 4024
HEADERS = {
    "Host": "127.0.0.1:8848",
    "User-Agent": "Nacos-Go-Client:v1.0.1",
    "Client-Version": "Nacos-Go-Client:v1.0.1",
    "Connection": "Keep-Alive",
    "Request-Module": "Naming",
    "RequestId": "a3f1f3a0-0000-4000-8000-000000000001",
    "Content-Type": FORM,
}


class Go:
    """One client of one node: POST is a proper form, PUT an unescaped one, all else unescaped queries."""

    def __init__(self, address: str) -> None:
        self._address = address

    def post(self, path: str, parameters: dict[str, str]) -> Answer:
        return self._send("POST", path, urlencode(parameters))

    def put(self, path: str, parameters: dict[str, str]) -> Answer:
        return self._send("PUT", path, _unescaped(parameters))

    def ask(self, method: str, path: str, parameters: dict[str, str]) -> Answer:
        return self._send(method, f"{path}?{_unescaped(parameters)}", None)

    def register(self, ip: str, **more: str) -> Answer:
        parameters = {
            "namespaceId": "public",
            "serviceName": GROUPED,
            "groupName": "DEFAULT_GROUP",
            "app": "",
            "clusterName": "",
            "ip": ip,
            "port": "80",
            "weight": "10.000000",
            "enable": "true",
            "healthy": "true",
            "metadata": '{"k":"v,w"}',
            "ephemeral": "true",
        }
        return self.post("/instance", parameters | more)

    def list(self, udp_port: int) -> Answer:
        parameters = {
            "namespaceId": "public",
            "serviceName": GROUPED,
            "app": "",
            "clusters": "",
            "udpPort": str(udp_port),
            "healthyOnly": "false",
            "clientIP": "127.0.0.1",
        }
        return self.ask("GET", "/instance/list", parameters)

    def _send(self, method: str, target: str, body: str | None) -> Answer:
        return send(self._address, request(method, f"/nacos/v1/ns{target}", HEADERS, body))


def _unescaped(parameters: dict[str, str]) -> str:
    return "&".join(f"{name}={value}" for name, value in parameters.items())


def ack(reference: int) -> str:
    """The acknowledgement, with the reference as text."""
    return json.dumps({"type": "push-ack", "lastRefTime": str(reference), "data": ""})


@pytest.fixture
def go(cluster: Cluster) -> Go:
    (node,) = cluster.nodes
    return Go(node.address)


def test_registers_by_a_form_with_empty_fields(go: Go, cluster: Cluster) -> None:
    """An empty `clusterName` is the default one."""
    assert go.register("10.6.0.1").text == "ok"
    (instance,) = cluster.nodes[0].api.instances(SERVICE)
    assert (instance.cluster, instance.weight, dict(instance.metadata)) == ("DEFAULT", 10.0, {"k": "v,w"})


def test_beats_by_raw_json_in_a_form_body(go: Go, cluster: Cluster) -> None:
    """Nothing is escaped: quotes, braces, colons, `@@`; it needs `clientBeatInterval` in the answer."""
    beat = {
        "ip": "10.6.0.2",
        "port": 80,
        "weight": 10,
        "serviceName": GROUPED,
        "cluster": "",
        "metadata": {"url": "http://a:1/b"},
        "scheduled": False,
    }
    parameters = {"namespaceId": "public", "serviceName": GROUPED, "beat": json.dumps(beat)}
    answer = go.put("/instance/beat", parameters).json()
    assert (answer["code"], answer["clientBeatInterval"]) == (10200, 5000 * cluster.time_scale)
    (instance,) = cluster.nodes[0].api.instances(SERVICE)
    assert (instance.ip, dict(instance.metadata)) == ("10.6.0.2", {"url": "http://a:1/b"})


def test_updates_by_an_unescaped_form(go: Go, cluster: Cluster) -> None:
    """Raw JSON of metadata among the fields."""
    go.register("10.6.0.1")
    update = {
        "namespaceId": "public",
        "serviceName": GROUPED,
        "clusterName": "",
        "groupName": "DEFAULT_GROUP",
        "ip": "10.6.0.1",
        "port": "80",
        "weight": "3",
        "enable": "true",
        "ephemeral": "true",
        "metadata": '{"u":"w"}',
    }
    assert go.put("/instance", update).text == "ok"
    (instance,) = cluster.nodes[0].api.instances(SERVICE)
    assert (instance.weight, dict(instance.metadata)) == (3.0, {"u": "w"})


def test_lists_services_and_deregisters_by_raw_queries(go: Go, cluster: Cluster) -> None:
    """`@@` stands in the query as it is."""
    go.register("10.6.0.1")
    listing = {"namespaceId": "public", "groupName": "DEFAULT_GROUP", "pageNo": "1", "pageSize": "10"}
    assert go.ask("GET", "/service/list", listing).json() == {"doms": [SERVICE], "count": 1}
    gone = {
        "namespaceId": "public",
        "serviceName": GROUPED,
        "clusterName": "",
        "ip": "10.6.0.1",
        "port": "80",
    }
    assert go.ask("DELETE", "/instance", gone | {"ephemeral": "true"}).text == "ok"
    assert cluster.nodes[0].api.instances(SERVICE) == []


def test_is_pushed_as_much_as_it_can_read(go: Go, cluster: Cluster, receiver: MakeReceiver) -> None:
    """Long lists come compressed, and are read whole in 4,024 bytes; names are bare but for `name`."""
    port = receiver(ack, READ_MAX_BYTES)
    assert go.list(port.port).json()["cacheMillis"] == PUSH_CACHE_MS * cluster.time_scale
    (node,) = cluster.nodes
    for number in range(1, 60):
        node.api.register(SERVICE, lasting(number))
    pushed = port.receive()
    while len(pushed["hosts"]) < 59:
        pushed = port.receive()
    assert (pushed["name"], pushed["dom"], pushed["hosts"][0]["serviceName"]) == (GROUPED, SERVICE, SERVICE)


def test_what_it_cannot_read_is_not_pushed(go: Go, cluster: Cluster, receiver: MakeReceiver) -> None:
    """A list that does not fit, even compressed: it polls, and the node's log says so."""
    port = receiver(ack, READ_MAX_BYTES)
    (node,) = cluster.nodes
    for number in range(1, 5):
        metadata = {f"m{number}{n}": f"{hash((number, n)) & 0xFFFFFFFFFFFF:x}" * 2 for n in range(120)}
        go.register(f"10.6.1.{number}", metadata=json.dumps(metadata))
    go.list(port.port)
    go.register("10.6.0.1")
    node.log.wait_for("event=push_not_sent .*this client reads 4024", START, within_s=200)
    assert len(go.list(port.port).json()["hosts"]) == 5
