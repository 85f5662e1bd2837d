"""Changes to what is registered: PATCH, metadata batches, and the metadata of services."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.runtime.application import WsgiClient, wsgi_client

NS = "/nacos/v1/ns"
INSTANCE = f"{NS}/instance"
BATCH = f"{NS}/instance/metadata/batch"
SERVICE = f"{NS}/service"
A1: dict[str, object] = {"serviceName": "a", "ip": "10.0.0.1", "port": 80}
A2: dict[str, object] = {"serviceName": "a", "ip": "10.0.0.2", "port": 80}


@pytest.fixture
def ask() -> Iterator[WsgiClient]:
    """A lone node with two instances of a service."""
    with wsgi_client() as client:
        for said in (A1, A2):
            assert client("POST", INSTANCE, said | {"metadata": '{"k":"v","x":"y"}'}).text == "ok"
        yield client


def metadata_of(ask: WsgiClient, said: dict[str, object]) -> dict[str, str]:
    found: dict[str, str] = ask("GET", INSTANCE, said).json()["metadata"]
    return found


def hosts(ask: WsgiClient, **said: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask("GET", f"{INSTANCE}/list", {"serviceName": "a", **said}).json()["hosts"]
    return found


@pytest.mark.endpoint("PATCH /nacos/v1/ns/instance")
@pytest.mark.parametrize("where", ["query", "form"])
@pytest.mark.parametrize(
    ("said", "field", "value"),
    [
        ({"weight": "8"}, "weight", 8.0),
        ({"metadata": '{"new":"1"}'}, "metadata", {"new": "1"}),
        ({"metadata": "{}"}, "metadata", {}),
        ({"healthy": "False"}, "healthy", False),
    ],
)
def test_a_patch_changes_what_it_names_and_nothing_else(
    ask: WsgiClient, where: str, said: dict[str, object], field: str, value: object
) -> None:
    """Weight, metadata, health, each on its own."""
    before = ask("GET", INSTANCE, A1).json()
    assert ask("PATCH", INSTANCE, **{where: A1 | said}).text == "ok"  # type: ignore[arg-type]
    assert ask("GET", INSTANCE, A1).json() == before | {field: value}


@pytest.mark.endpoint("PATCH /nacos/v1/ns/instance")
def test_a_patch_can_take_an_instance_off_the_list(ask: WsgiClient) -> None:
    """`enabled` and `enable` are the same word."""
    ask("PATCH", INSTANCE, A1 | {"enabled": "false"})
    assert [host["ip"] for host in hosts(ask)] == ["10.0.0.2"]
    ask("PATCH", INSTANCE, A1 | {"enable": "true", "app": "shop"})
    assert [host["ip"] for host in hosts(ask)] == ["10.0.0.1", "10.0.0.2"]


@pytest.mark.endpoint("PATCH /nacos/v1/ns/instance")
def test_a_patch_of_nothing_says_what_is_not_there(ask: WsgiClient) -> None:
    """It never registers."""
    answer = ask("PATCH", INSTANCE, A1 | {"ip": "10.0.0.9", "weight": "2"})
    assert (answer.status, answer.text) == (
        400,
        "instance not found: 10.0.0.9:80 in cluster DEFAULT of DEFAULT_GROUP@@a",
    )
    assert ask("PATCH", INSTANCE, A1 | {"weight": "heavy"}).status == 400


@pytest.mark.endpoint("PUT /nacos/v1/ns/instance/metadata/batch")
def test_a_batch_sets_names_in_the_metadata_it_is_told(ask: WsgiClient) -> None:
    """Of the instances listed, or of all; other names stay."""
    listed = json.dumps([{"ip": "10.0.0.1", "port": "80"}, {"ip": "10.9.9.9", "port": 1}])
    said: dict[str, object] = {"serviceName": "a", "metadata": '{"k":"new","n":"1"}'}
    one = ask("PUT", BATCH, said | {"instances": listed})
    assert one.json() == {"updated": ["10.0.0.1:80:unknown:DEFAULT:ephemeral"]}
    assert metadata_of(ask, A1) == {"k": "new", "n": "1", "x": "y"}
    assert metadata_of(ask, A2) == {"k": "v", "x": "y"}
    everybody = ask("PUT", BATCH, form=said | {"consistencyType": "ephemeral", "instances": "[]"}).json()
    assert len(everybody["updated"]) == 2
    assert metadata_of(ask, A2)["n"] == "1"


@pytest.mark.endpoint("DELETE /nacos/v1/ns/instance/metadata/batch")
def test_a_batch_takes_names_out_of_the_metadata(ask: WsgiClient) -> None:
    """Whatever their values are."""
    said: dict[str, object] = {"serviceName": "a", "metadata": '{"k":""}', "consistencyType": "ephemeral"}
    assert len(ask("DELETE", BATCH, said).json()["updated"]) == 2
    assert metadata_of(ask, A1) == metadata_of(ask, A2) == {"x": "y"}


@pytest.mark.parametrize("said", [{}, {"consistencyType": "persist"}, {"instances": "[]"}])
@pytest.mark.endpoint("PUT /nacos/v1/ns/instance/metadata/batch")
def test_a_batch_of_nobody_updates_nobody(ask: WsgiClient, said: dict[str, object]) -> None:
    """Persistent instances there are none."""
    assert ask("PUT", BATCH, {"serviceName": "a", "metadata": "k=w", **said}).json() == {"updated": []}
    assert metadata_of(ask, A1)["k"] == "v"


@pytest.mark.parametrize(
    ("said", "status", "sentence"),
    [
        ({"metadata": ""}, 400, "Param 'metadata' is required."),
        ({"consistencyType": "both"}, 400, "'both' is neither ephemeral nor persist"),
        ({"instances": "{"}, 400, "instances is not JSON"),
        ({"instances": "{}"}, 400, "instances must be a JSON list"),
        ({"instances": "[1]"}, 400, "one of instances must be a JSON object"),
        ({"instances": '[{"ip":"10.0.0.1"}]'}, 400, "its port must be an integer"),
        ({"serviceName": "x"}, 404, "no service DEFAULT_GROUP@@x found!"),
    ],
)
def test_a_wrong_batch_says_what_would_be_right(
    ask: WsgiClient, said: dict[str, object], status: int, sentence: str
) -> None:
    """And changes nothing."""
    answer = ask("PUT", BATCH, {"serviceName": "a", "metadata": "k=w"} | said)
    assert (answer.status, sentence in answer.text) == (status, True)
    assert metadata_of(ask, A1)["k"] == "v"


@pytest.mark.endpoint("PUT /nacos/v1/ns/service")
def test_a_services_metadata_are_replaced(ask: WsgiClient) -> None:
    """Also those of a service that only has instances."""
    said: dict[str, object] = {"serviceName": "a", "protectThreshold": "0.5", "metadata": '{"owner":"x"}'}
    assert ask("PUT", SERVICE, said | {"selector": '{"type":"none"}'}).text == "ok"
    shown = ask("GET", SERVICE, {"serviceName": "a"}).json()
    assert (shown["protectThreshold"], shown["metadata"]) == (0.5, {"owner": "x"})
    ask("PUT", SERVICE, {"serviceName": "a", "protectThreshold": "0"})
    assert ask("GET", SERVICE, {"serviceName": "a"}).json()["metadata"] == {}


@pytest.mark.endpoint("PUT /nacos/v1/ns/service")
@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"serviceName": "x", "protectThreshold": "0"}, "service DEFAULT_GROUP@@x not found!"),
        ({"serviceName": "a"}, "Param 'protectThreshold' is required."),
        ({"serviceName": "a", "protectThreshold": "2"}, "is out of range: 0 to 1"),
        (
            {"serviceName": "a", "protectThreshold": "0", "selector": '{"type":"label"}'},
            "this node has no selector",
        ),
        ({"serviceName": "a", "protectThreshold": "0", "selector": "{"}, "selector is not JSON"),
    ],
)
def test_a_service_cannot_be_updated_to_nonsense(
    ask: WsgiClient, said: dict[str, object], sentence: str
) -> None:
    """400 and a sentence."""
    answer = ask("PUT", SERVICE, said)
    assert (answer.status, sentence in answer.text) == (400, True)


@pytest.mark.endpoint("PUT /nacos/v1/ns/service", "GET /nacos/v1/ns/instance/list")
def test_the_protect_threshold_acts_on_lists(ask: WsgiClient) -> None:
    """As few healthy ones as that, and all are shown healthy, so that the rest is not overrun."""
    ask("PATCH", INSTANCE, A1 | {"healthy": "false"})
    assert [(h["ip"], h["healthy"]) for h in hosts(ask)] == [("10.0.0.1", False), ("10.0.0.2", True)]
    assert [h["ip"] for h in hosts(ask, healthyOnly="True")] == ["10.0.0.2"]
    ask("PUT", SERVICE, {"serviceName": "a", "protectThreshold": "0.5"})
    assert [(h["ip"], h["valid"]) for h in hosts(ask)] == [("10.0.0.1", True), ("10.0.0.2", True)]
    assert len(hosts(ask, healthyOnly="true")) == 2
