"""`/metrics`: what a node has done and what it holds, for Prometheus."""

from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.runtime.application import Answered, WsgiClient, wsgi_client

PATH = "/metrics"
INSTANCE = "/nacos/v1/ns/instance"
NAMED = {"serviceName": "a", "ip": "10.0.0.1", "port": 80}


@pytest.fixture
def ask() -> Iterator[WsgiClient]:
    with wsgi_client() as client:
        yield client


def samples(answer: Answered) -> dict[tuple[str, tuple[str, ...]], float]:
    """Name and label values, in order of their labels' names -> value, as Prometheus reads the page."""
    return {
        (sample.name, tuple(text for _, text in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


@pytest.mark.endpoint("GET /metrics")
def test_requests_are_counted_by_route_and_status_and_the_store_is_measured(ask: WsgiClient) -> None:
    """Also those that were refused, by the route they were meant for; a path nobody serves has none."""
    ask("POST", INSTANCE, NAMED)
    ask("POST", f"{INSTANCE}/", NAMED | {"ip": "10.0.0.2"})
    ask("POST", INSTANCE)
    ask("GET", "/nowhere")
    answer = ask("GET", PATH)
    found = samples(answer)
    assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (200, "text/plain")
    assert found["nodecore_requests_total", ("POST", INSTANCE, "200")] == 2
    assert found["nodecore_requests_total", ("POST", INSTANCE, "400")] == 1
    assert found["nodecore_requests_total", ("", "", "404")] == 1
    assert found["nodecore_request_body_bytes_total", ("sent", "POST", INSTANCE)] > 4
    assert found["nodecore_records", ()] == 1
    assert found["nodecore_instances_owned", ()] == found["nodecore_instances", ()] == 2
    assert found["nodecore_members", ("UP",)] == 1
    assert found["nodecore_members", ("DOWN",)] == 0
    assert found["nodecore_pending", ()] == 0
    assert found["nodecore_verify_bytes_total", ("sent",)] == 0
    assert found["nodecore_stalls_total", ()] == 0
    assert found["nodecore_core_cpu_seconds_total", ("ClientRequest",)] > 0
    assert found["process_cpu_seconds_total", ()] > 0


def test_two_nodes_in_one_process_count_for_themselves(ask: WsgiClient) -> None:
    """Each page has a registry of its own."""
    ask("POST", INSTANCE, NAMED)
    with wsgi_client() as other:
        assert ("nodecore_requests_total", ("POST", INSTANCE, "200")) not in samples(other("GET", PATH))
    assert samples(ask("GET", PATH))["nodecore_requests_total", ("POST", INSTANCE, "200")] == 1
