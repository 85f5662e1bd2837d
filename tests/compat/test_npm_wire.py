"""The original's JavaScript client, npm `nacos` 2.6.3, by the bytes that it sends and reads (R20, R21)."""

import json
from urllib.parse import quote, urlencode

import pytest

from harness.cluster import Cluster
from tests.compat.conftest import MakeReceiver
from tests.compat.wire import PUSH_CACHE_MS, PUSH_CONFIG, Answer, request, resent, send

pytestmark = [pytest.mark.requirement("R20", "R21"), pytest.mark.cluster(nodes=1, config=PUSH_CONFIG)]

SERVICE, GROUPED = "carts", "DEFAULT_GROUP@@carts"
INT_MAX = 2**53 - 1
HEADERS = {
    "Client-Version": "Nacos-Java-Client:v1.0.0",
    "User-Agent": "Nacos-Java-Client:v1.0.0",
    "Accept-Encoding": "gzip,deflate,sdch",
    "Connection": "Keep-Alive",
    "RequestId": "5a8b7c6d-1111-4222-8333-944455566677",
    "Request-Module": "Naming",
    "Host": "127.0.0.1:8848",
}


class Npm:
    """One client of one node: everything in the query, also the JSON of a full beat."""

    def __init__(self, address: str) -> None:
        self._address = address

    def call(self, method: str, path: str, parameters: dict[str, str]) -> Answer:
        target = f"/nacos/v1/ns{path}?{urlencode(parameters, quote_via=quote)}"
        return send(self._address, request(method, target, HEADERS))

    def register(self, ip: str) -> Answer:
        """A grouped name and a group, and the cluster by name."""
        parameters = {
            "namespaceId": "public",
            "serviceName": GROUPED,
            "groupName": "DEFAULT_GROUP",
            "clusterName": "DEFAULT",
            "ip": ip,
            "port": "8080",
            "weight": "1",
            "enable": "true",
            "healthy": "true",
            "ephemeral": "true",
            "metadata": "{}",
        }
        return self.call("POST", "/instance", parameters)

    def list(self, udp_port: int, clusters: str = "DEFAULT") -> Answer:
        parameters = {
            "namespaceId": "public",
            "serviceName": GROUPED,
            "clusters": clusters,
            "udpPort": str(udp_port),
            "clientIP": "127.0.0.1",
            "healthyOnly": "false",
        }
        return self.call("GET", "/instance/list", parameters)


def ack(reference: int) -> str:
    """The acknowledgement, with the reference as the number that JavaScript made of it."""
    return json.dumps({"type": "push-ack", "lastRefTime": int(float(reference)), "data": ""})


@pytest.fixture
def npm(cluster: Cluster) -> Npm:
    (node,) = cluster.nodes
    return Npm(node.address)


def test_registers_and_beats_with_json_in_the_query(npm: Npm, cluster: Cluster) -> None:
    """Each beat is a full one; the instance that it describes is registered where it is unknown."""
    assert npm.register("10.9.0.1").text == "ok"
    beat = {
        "serviceName": GROUPED,
        "ip": "10.9.0.2",
        "port": 8080,
        "cluster": "DEFAULT",
        "weight": 1,
        "metadata": {},
        "scheduled": False,
    }
    parameters = {"namespaceId": "public", "serviceName": GROUPED, "beat": json.dumps(beat)}
    answer = npm.call("PUT", "/instance/beat", parameters).json()
    assert (answer["code"], answer["clientBeatInterval"]) == (10200, 5000 * cluster.time_scale)
    assert [i.ip for i in cluster.nodes[0].api.instances(SERVICE)] == ["10.9.0.1", "10.9.0.2"]


def test_the_clusters_it_asked_for_come_back_as_it_wrote_them(npm: Npm) -> None:
    """It keeps lists by name and this text; a list under another would never be found again."""
    npm.register("10.9.0.1")
    for clusters, hosts in (("DEFAULT", 1), ("DEFAULT,c2", 1), ("c2", 0)):
        listed = npm.list(0, clusters).json()
        assert (listed["name"], listed["clusters"], len(listed["hosts"])) == (GROUPED, clusters, hosts)


def test_is_pushed_like_java_and_acknowledges_with_a_number(
    npm: Npm, cluster: Cluster, receiver: MakeReceiver
) -> None:
    """Every reference is one that a JavaScript number holds exactly; what it acknowledged comes once."""
    port, silent = receiver(ack), receiver(ack)
    for udp_port in (port.port, silent.port):
        assert npm.list(udp_port).json()["cacheMillis"] == PUSH_CACHE_MS * cluster.time_scale
    npm.register("10.9.0.1")
    pushed = port.receive()
    assert (pushed["name"], pushed["clusters"]) == (GROUPED, "DEFAULT")
    assert [(h["ip"], h["serviceName"]) for h in pushed["hosts"]] == [("10.9.0.1", GROUPED)]
    assert [0 < reference <= INT_MAX for reference in port.acknowledged] == [True]
    (node,) = cluster.nodes
    node.log.wait_for(f"event=push_again to=127.0.0.1:{silent.port} ", within_s=200)
    assert not resent(node.log) & set(port.acknowledged)


def test_deregisters_and_tolerates_an_empty_list(npm: Npm, cluster: Cluster, receiver: MakeReceiver) -> None:
    """It ignores empty lists, pushed or asked for: they are the truth all the same."""
    port = receiver(ack)
    npm.register("10.9.0.1")
    npm.list(port.port)
    gone = {"namespaceId": "public", "serviceName": GROUPED, "groupName": "DEFAULT_GROUP"}
    address = {"clusterName": "DEFAULT", "ip": "10.9.0.1", "port": "8080", "ephemeral": "true"}
    assert npm.call("DELETE", "/instance", gone | address).text == "ok"
    while port.receive()["hosts"]:
        pass
    assert cluster.nodes[0].api.instances(SERVICE) == []
