"""`/openapi.json`: the table of routes as an OpenAPI document that tools can read."""

from collections.abc import Iterator

import pytest

from nodecore.web.described import DESCRIBED, SCHEMAS
from nodecore.web.routes import ROUTES
from tests.runtime.application import WsgiClient, wsgi_client

PATH = "/openapi.json"


@pytest.fixture
def ask() -> Iterator[WsgiClient]:
    with wsgi_client() as client:
        yield client


@pytest.mark.endpoint("GET /openapi.json")
def test_the_document_has_exactly_the_routes_of_the_table(ask: WsgiClient) -> None:
    """Each method and path once, with its statuses."""
    answer = ask("GET", PATH)
    assert (answer.status, answer.json()["openapi"]) == (200, "3.1.0")
    documented = {
        (method.upper(), path): operation
        for path, operations in answer.json()["paths"].items()
        for method, operation in operations.items()
    }
    assert set(documented) == {(method, path) for method, path, _ in ROUTES}
    for operation in documented.values():
        assert operation["responses"], operation
        assert operation["summary"], operation
    assert len({operation["operationId"] for operation in documented.values()}) == len(ROUTES)


def test_nothing_is_described_that_is_not_there() -> None:
    """A route that is renamed or removed takes its description with it; so does a parameter."""
    assert set(DESCRIBED) == {name for _, _, name in ROUTES}
    used = {name for described in DESCRIBED.values() for name in (*described.required, *described.optional)}
    assert used == set(SCHEMAS)
